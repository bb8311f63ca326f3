/** Everyday paths of a user of Kafka's Java clients: Main HOST:PORT [REGEX]. */
public class Main {
    public static void main(String[] args) throws Exception {
        Check.broker = args[0];
        Producing.add();
        Consuming.add();
        Sharing.add();
        Administering.add();
        Streaming.add();
        Check.main(args);
    }
}
