// Runs Kafka's own command-line tools inside one JVM, so that hundreds of cases cost seconds and not a JVM start each.
//
//   java -cp "$KT_KAFKA_HOME/libs/*" ToolServer.java      prints "port=N" and serves until its standard input closes
//
// One TCP connection is one run. The client writes one line of JSON, {"class": ..., "argv": [...], "stdin": base64},
// and reads one line back, {"exit": N, "stdout": base64, "stderr": base64}. A client that writes a second line, "TERM",
// ends the run as a SIGTERM would: the tool's shutdown hooks run and the exit code is 143.
//
// What a process of its own would give is reproduced here: the tools' classes are loaded afresh for every run (they keep
// counters in static fields), System.in/out/err belong to the run whose thread (or descendant thread) uses them, and
// Exit.exit ends the run, after which the unwinding thread has nothing more to say.

import java.io.*;
import java.net.*;
import java.nio.charset.StandardCharsets;
import java.util.*;
import java.util.concurrent.*;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import org.apache.kafka.common.utils.Exit;

public class ToolServer {
    static final InheritableThreadLocal<Run> CURRENT = new InheritableThreadLocal<>();
    static final ObjectMapper JSON = new ObjectMapper();

    /** One run of one tool. */
    static final class Run {
        final ByteArrayOutputStream out = new ByteArrayOutputStream();
        final ByteArrayOutputStream err = new ByteArrayOutputStream();
        final InputStream in;
        final List<Runnable> hooks = new CopyOnWriteArrayList<>();
        volatile Integer exit;
        volatile boolean terminated;
        volatile Thread mute;

        Run(byte[] stdin) {
            in = new ByteArrayInputStream(stdin);
        }

        synchronized void write(ByteArrayOutputStream to, byte[] bytes, int from, int length) {
            if (Thread.currentThread() != mute) to.write(bytes, from, length);
        }

        void runHooks() {
            List<Thread> threads = new ArrayList<>();
            for (Runnable hook : hooks) threads.add(new Thread(hook, "shutdown-hook"));
            for (Thread thread : threads) thread.start();
            for (Thread thread : threads) join(thread, 10_000);
        }
    }

    /** Unwinds the thread that called Exit. */
    static final class Ended extends Error {
        Ended() {
            super("exit", null, false, false);
        }
    }

    /** The tools' own classes, new for every run; all libraries are shared. */
    static final class Fresh extends ClassLoader {
        Fresh(ClassLoader parent) {
            super(parent);
        }

        @Override
        protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
            boolean tool = name.startsWith("org.apache.kafka.tools.") && !name.startsWith("org.apache.kafka.tools.api.") || name.startsWith("kafka.");
            if (!tool) return super.loadClass(name, resolve);
            synchronized (getClassLoadingLock(name)) {
                Class<?> loaded = findLoadedClass(name);
                if (loaded != null) return loaded;
                try (InputStream bytes = getParent().getResourceAsStream(name.replace('.', '/') + ".class")) {
                    if (bytes == null) throw new ClassNotFoundException(name);
                    byte[] code = bytes.readAllBytes();
                    return defineClass(name, code, 0, code.length);
                } catch (IOException e) {
                    throw new ClassNotFoundException(name, e);
                }
            }
        }
    }

    static OutputStream dispatching(PrintStream own, java.util.function.Function<Run, ByteArrayOutputStream> side) {
        return new OutputStream() {
            @Override
            public void write(int b) {
                write(new byte[] {(byte) b}, 0, 1);
            }

            @Override
            public void write(byte[] bytes, int from, int length) {
                Run run = CURRENT.get();
                if (run == null) own.write(bytes, from, length);
                else run.write(side.apply(run), bytes, from, length);
            }
        };
    }

    static InputStream dispatchingInput() {
        return new InputStream() {
            @Override
            public int read() throws IOException {
                Run run = CURRENT.get();
                return run == null ? -1 : run.in.read();
            }

            @Override
            public int read(byte[] bytes, int from, int length) throws IOException {
                Run run = CURRENT.get();
                return run == null ? -1 : run.in.read(bytes, from, length);
            }
        };
    }

    static void ended(int code) {
        Run run = CURRENT.get();
        if (run.exit == null) run.exit = code;
        run.mute = Thread.currentThread();
        throw new Ended();
    }

    static void join(Thread thread, long millis) {
        try {
            thread.join(millis);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    static void main(Run run, String className, String[] argv) {
        try {
            Class<?> tool = Thread.currentThread().getContextClassLoader().loadClass(className);
            tool.getMethod("main", String[].class).invoke(null, (Object) argv);
        } catch (java.lang.reflect.InvocationTargetException e) {
            if (run.exit == null && !(e.getCause() instanceof Ended)) {
                System.err.print("Exception in thread \"main\" ");
                e.getCause().printStackTrace();
                run.exit = 1;
            }
        } catch (ReflectiveOperationException e) {
            e.printStackTrace();
            run.exit = 1;
        }
    }

    static void serve(Socket socket) {
        try (socket; BufferedReader lines = new BufferedReader(new InputStreamReader(socket.getInputStream(), StandardCharsets.UTF_8))) {
            var request = JSON.readTree(lines.readLine());
            String className = request.get("class").asText();
            List<String> argv = new ArrayList<>();
            request.get("argv").forEach(word -> argv.add(word.asText()));
            Run run = new Run(Base64.getDecoder().decode(request.path("stdin").asText("")));

            Thread main = new Thread(() -> {
                CURRENT.set(run);
                main(run, className, argv.toArray(new String[0]));
            }, "main");
            main.setContextClassLoader(new Fresh(ToolServer.class.getClassLoader()));
            Thread watcher = new Thread(() -> {
                try {
                    if (!"TERM".equals(lines.readLine())) return;
                    run.terminated = true;
                    CURRENT.set(run);
                    run.runHooks();
                    join(main, 2_000);
                    if (main.isAlive()) main.interrupt();
                } catch (IOException e) {
                    // The client has gone, and with it the wish to end the run.
                }
            }, "watcher");
            main.start();
            watcher.start();
            main.join();
            run.mute = null;
            CURRENT.set(run);
            if (!run.terminated) run.runHooks();
            CURRENT.remove();

            ObjectNode reply = JSON.createObjectNode();
            reply.put("exit", run.terminated ? 143 : run.exit == null ? 0 : run.exit);
            reply.put("stdout", Base64.getEncoder().encodeToString(run.out.toByteArray()));
            reply.put("stderr", Base64.getEncoder().encodeToString(run.err.toByteArray()));
            socket.getOutputStream().write((JSON.writeValueAsString(reply) + "\n").getBytes(StandardCharsets.UTF_8));
            socket.getOutputStream().flush();
        } catch (IOException | InterruptedException e) {
            System.err.println("ToolServer: " + e);
        }
    }

    public static void main(String[] args) throws Exception {
        PrintStream out = System.out;
        InputStream in = System.in;
        System.setErr(new PrintStream(dispatching(System.err, run -> run.err), true, StandardCharsets.UTF_8));
        System.setOut(new PrintStream(dispatching(out, run -> run.out), true, StandardCharsets.UTF_8));
        System.setIn(dispatchingInput());
        Exit.setExitProcedure((code, message) -> ended(code));
        Exit.setHaltProcedure((code, message) -> ended(code));
        Exit.setShutdownHookAdder((name, hook) -> CURRENT.get().hooks.add(hook));

        ServerSocket server = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        out.println("port=" + server.getLocalPort());
        out.flush();
        Thread parent = new Thread(() -> {
            try {
                while (in.read() >= 0) { }
            } catch (IOException e) {
                // Closed is what we wait for.
            }
            Runtime.getRuntime().halt(0);
        });
        parent.setDaemon(true);
        parent.start();
        while (true) {
            Socket socket = server.accept();
            new Thread(() -> serve(socket)).start();
        }
    }
}
