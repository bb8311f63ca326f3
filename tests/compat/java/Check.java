import java.util.*;
import java.util.concurrent.*;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Pattern;

/** Runs the tests: a line a test, a time limit each, several at once. */
final class Check {
    static final int SECONDS = 60;
    static String broker;

    interface Test {
        void run() throws Exception;
    }

    interface Condition {
        boolean holds() throws Exception;
    }

    private static final Map<String, Test> TESTS = new LinkedHashMap<>();
    private static final AtomicInteger NUMBERS = new AtomicInteger();
    private static final long STAMP = System.currentTimeMillis() % 100_000_000;

    static void test(String name, Test test) {
        if (TESTS.put(name, test) != null) throw new IllegalStateException(name + " is there twice");
    }

    /** A name nobody else uses. */
    static String name(String kind) {
        return "java-" + kind + "-" + STAMP + "-" + NUMBERS.incrementAndGet();
    }

    static void equal(Object got, Object want, String what) {
        if (!Objects.equals(got, want)) throw new AssertionError(what + ": got " + got + ", want " + want);
    }

    static void that(boolean holds, String what) {
        if (!holds) throw new AssertionError(what);
    }

    static void until(String what, Condition condition) throws Exception {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
        while (!condition.holds()) {
            that(System.nanoTime() < end, "waited in vain: " + what);
            Thread.sleep(50);
        }
    }

    /** The test must end with an error of this class, which may be wrapped in others. */
    static <E extends Throwable> E raises(Class<E> kind, String what, Test body) {
        try {
            body.run();
        } catch (Throwable error) {
            for (Throwable cause = error; cause != null; cause = cause.getCause())
                if (kind.isInstance(cause)) return kind.cast(cause);
            throw new AssertionError(what + ": " + error);
        }
        throw new AssertionError(what + ": no error");
    }

    private static String verdict(String name, Test test) {
        FutureTask<String> task = new FutureTask<>(() -> {
            try {
                test.run();
                return "PASS " + name;
            } catch (Throwable error) {
                String text = ("FAIL " + name + " " + error).replaceAll("\\s+", " ");
                return text.substring(0, Math.min(300, text.length()));
            }
        });
        Thread thread = new Thread(task, name);
        thread.setDaemon(true);
        thread.start();
        try {
            return task.get(SECONDS, TimeUnit.SECONDS);
        } catch (TimeoutException | InterruptedException | ExecutionException e) {
            return "FAIL " + name + " took more than " + SECONDS + " s";
        }
    }

    /** Runs the tests that match, and ends the program. */
    static void main(String[] args) throws InterruptedException {
        Pattern pick = Pattern.compile(args.length > 1 ? args[1] : "");
        ExecutorService pool = Executors.newFixedThreadPool(5);
        AtomicInteger failures = new AtomicInteger();
        TESTS.forEach((name, test) -> {
            if (!pick.matcher(name).find()) return;
            pool.execute(() -> {
                String line = verdict(name, test);
                if (line.startsWith("FAIL")) failures.incrementAndGet();
                synchronized (Check.class) {
                    System.out.println(line);
                }
            });
        });
        pool.shutdown();
        pool.awaitTermination(1, TimeUnit.HOURS);
        System.out.flush();
        Runtime.getRuntime().halt(failures.get() == 0 ? 0 : 1);
    }
}
