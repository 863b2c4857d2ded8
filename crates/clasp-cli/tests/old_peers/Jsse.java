// Java's JSSE as the other end of a connection. What it is told and what it tells is what `ends.py` says; but it does many
// tasks at a time, each on a thread of its own. With `--protocol any` a client's hello has SSL 2.0's format.

import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.math.BigInteger;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.Security;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Arrays;
import java.util.Base64;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLPeerUnverifiedException;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManagerFactory;

public class Jsse {
    static final int CHUNK = 16384;
    static final int DEADLINE = 20_000;
    static final Map<String, String> VERSIONS =
            Map.of("ssl3", "SSLv3", "tls1", "TLSv1", "tls1.1", "TLSv1.1", "tls1.2", "TLSv1.2");
    static final Set<String> FLAGS = Set.of("--renegotiate", "--verify-late", "--go-on");
    static final char[] NO_PASSWORD = new char[0];

    public static void main(String[] arguments) throws Exception {
        // What a machine of that time allowed.
        Security.setProperty("jdk.tls.disabledAlgorithms", "");
        Security.setProperty("jdk.tls.legacyAlgorithms", "");
        Security.setProperty("jdk.certpath.disabledAlgorithms", "");
        System.out.println("Java " + Runtime.version());
        BufferedReader tasks = new BufferedReader(new InputStreamReader(System.in));
        for (String line; (line = tasks.readLine()) != null; ) {
            String[] words = line.split("\t");
            Thread thread = new Thread(new Jsse(words[0], Arrays.copyOfRange(words, 1, words.length))::run);
            thread.setDaemon(true);
            thread.start();
        }
    }

    final String number;
    final String[] arguments;
    final Map<String, String> options = new HashMap<>();
    SSLContext context;

    Jsse(String number, String[] arguments) {
        this.number = number;
        this.arguments = arguments;
    }

    void tell(Object... words) {
        StringBuilder line = new StringBuilder(number);
        for (Object word : words) {
            line.append(' ').append(word);
        }
        System.out.println(line);
    }

    void run() {
        try {
            int first = arguments[0].equals("connect") ? 2 : 1;
            for (int i = first; i < arguments.length; i++) {
                options.put(arguments[i], FLAGS.contains(arguments[i]) ? "" : arguments[++i]);
            }
            context = context();
            if (first == 2) {
                connect(Integer.parseInt(arguments[1]));
            } else {
                accept();
            }
            tell("end");
        } catch (Exception error) {
            tell("failed", error.toString().replace('\n', ' '));
        }
    }

    int count(String option, int otherwise) {
        return Integer.parseInt(options.getOrDefault(option, Integer.toString(otherwise)));
    }

    // Certificates

    SSLContext context() throws GeneralSecurityException, IOException {
        KeyManagerFactory keys = KeyManagerFactory.getInstance("SunX509");
        KeyStore own = KeyStore.getInstance("PKCS12");
        own.load(null, NO_PASSWORD);
        if (options.containsKey("--cert")) {
            own.setKeyEntry("own", key(options.get("--key")), NO_PASSWORD, certificates(options.get("--cert")));
        }
        keys.init(own, NO_PASSWORD);
        KeyStore trusted = KeyStore.getInstance("PKCS12");
        trusted.load(null, NO_PASSWORD);
        if (options.containsKey("--ca")) {
            trusted.setCertificateEntry("ca", certificates(options.get("--ca"))[0]);
        }
        TrustManagerFactory trust = TrustManagerFactory.getInstance("PKIX");
        if (trusted.size() > 0) {
            trust.init(trusted);
        }
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(keys.getKeyManagers(), trusted.size() > 0 ? trust.getTrustManagers() : null, null);
        return context;
    }

    static Certificate[] certificates(String file) throws GeneralSecurityException, IOException {
        try (var stream = Files.newInputStream(Path.of(file))) {
            return CertificateFactory.getInstance("X.509").generateCertificates(stream).toArray(new Certificate[0]);
        }
    }

    /** An RSA key in traditional form (PKCS #1): the form that is read here, PKCS #8, has it within. */
    static PrivateKey key(String file) throws GeneralSecurityException, IOException {
        String text = Files.readString(Path.of(file)).replaceAll("-----[^-]*-----", "");
        byte[] pkcs1 = Base64.getMimeDecoder().decode(text);
        byte[] algorithm = new BigInteger("300d06092a864886f70d0101010500", 16).toByteArray();
        byte[] version = {2, 1, 0};
        byte[] pkcs8 = der(0x30, version, algorithm, der(0x04, pkcs1));
        return KeyFactory.getInstance("RSA").generatePrivate(new PKCS8EncodedKeySpec(pkcs8));
    }

    static byte[] der(int tag, byte[]... parts) {
        ByteArrayOutputStream content = new ByteArrayOutputStream();
        for (byte[] part : parts) {
            content.writeBytes(part);
        }
        ByteArrayOutputStream whole = new ByteArrayOutputStream();
        whole.writeBytes(new byte[] {(byte) tag, (byte) 0x82, (byte) (content.size() >> 8), (byte) content.size()});
        whole.writeBytes(content.toByteArray());
        return whole.toByteArray();
    }

    // Connections

    void accept() throws Exception {
        try (ServerSocket listener = new ServerSocket(0, 8, InetAddress.getLoopbackAddress())) {
            listener.setSoTimeout(DEADLINE);
            tell("port", listener.getLocalPort());
            for (int i = 0; i < count("--connections", 1); i++) {
                try (Socket tcp = listener.accept()) {
                    End end = new End(tcp, false);
                    end.shakeHands();
                    tell(end.told());
                    if (options.containsKey("--verify-late")) {
                        end.ask();
                    }
                    tell("done", end.echo(), end.close());
                }
            }
        }
    }

    void connect(int port) throws Exception {
        for (int i = 0; i < count("--connections", 1); i++) {
            try (Socket tcp = new Socket(InetAddress.getLoopbackAddress(), port)) {
                End end = new End(tcp, true);
                end.shakeHands();
                tell(end.told());
                tell("done", end.compare(count("--data", 65536)), end.close());
            }
        }
    }

    class End {
        final SSLSocket tls;
        final long began = System.currentTimeMillis();
        final boolean isClient;
        final byte[] buffer = new byte[CHUNK];
        final AtomicInteger handshakes = new AtomicInteger();
        byte[] pending = new byte[0];

        End(Socket tcp, boolean isClient) throws IOException {
            this.isClient = isClient;
            tcp.setTcpNoDelay(true);
            tls = (SSLSocket) context.getSocketFactory().createSocket(tcp, "localhost", tcp.getPort(), true);
            tls.setUseClientMode(isClient);
            tls.setSoTimeout(DEADLINE);
            String version = options.getOrDefault("--protocol", "any");
            tls.setEnabledProtocols(
                    version.equals("any")
                            ? new String[] {"SSLv2Hello", "SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2"}
                            : new String[] {VERSIONS.get(version)});
            // It calls the older ones SSL_.
            String[] wanted = options.getOrDefault("--cipher", "").split(":");
            tls.setEnabledCipherSuites(
                    Arrays.stream(tls.getSupportedCipherSuites())
                            .filter(name -> options.containsKey("--cipher")
                                    ? Arrays.asList(wanted).contains(name.replace("SSL_", "TLS_"))
                                    : !name.contains("anon") && !name.contains("NULL"))
                            .toArray(String[]::new));
            tls.addHandshakeCompletedListener(event -> handshakes.incrementAndGet());
            if (!isClient && !options.containsKey("--verify-late")) {
                ask();
            }
        }

        void ask() {
            switch (options.getOrDefault("--verify", "none")) {
                case "require" -> tls.setNeedClientAuth(true);
                case "request" -> tls.setWantClientAuth(true);
                default -> { }
            }
        }

        void shakeHands() throws IOException, InterruptedException {
            tls.startHandshake();
            waitForHandshake(1);
        }

        /** The listener is told on a thread of its own. */
        void waitForHandshake(int turn) throws InterruptedException {
            while (handshakes.get() < turn) {
                Thread.sleep(1);
            }
        }

        Object[] told() {
            var session = tls.getSession();
            String peer = "certificate";
            try {
                session.getPeerCertificates();
            } catch (SSLPeerUnverifiedException error) {
                peer = "anonymous";
            }
            String suite = session.getCipherSuite().replace("SSL_", "TLS_");
            String how = session.getCreationTime() < began ? "resumed" : "full";
            return new Object[] {session.getProtocol(), suite, peer, how};
        }

        /** Begins another handshake, and takes what comes until it is done. */
        void renegotiate() throws IOException {
            // Otherwise it would resume.
            tls.getSession().invalidate();
            int before = handshakes.get();
            tls.startHandshake();
            tls.setSoTimeout(20);
            long until = System.currentTimeMillis() + DEADLINE;
            while (handshakes.get() == before) {
                if (System.currentTimeMillis() > until) {
                    throw new IOException("the renegotiation does not end");
                }
                try {
                    keep(readOnce());
                } catch (SocketTimeoutException error) {
                    // The handshake may be done now.
                }
            }
            tls.setSoTimeout(DEADLINE);
            tell(told());
        }

        void keep(byte[] data) {
            byte[] both = Arrays.copyOf(pending, pending.length + data.length);
            System.arraycopy(data, 0, both, pending.length, data.length);
            pending = both;
        }

        byte[] readOnce() throws IOException {
            int count = tls.getInputStream().read(buffer);
            return Arrays.copyOf(buffer, Math.max(count, 0));
        }

        /** What has come; nothing at the end, which must be a close_notify. */
        byte[] read() throws IOException {
            byte[] data = pending;
            pending = new byte[0];
            return data.length > 0 ? data : readOnce();
        }

        int echo() throws IOException {
            int total = 0;
            for (byte[] data; (data = read()).length > 0; total += data.length) {
                if (options.containsKey("--renegotiate") && total == 0) {
                    renegotiate();
                }
                tls.getOutputStream().write(data);
            }
            return total;
        }

        int compare(int all) throws IOException {
            long seed = 1;
            int sent = 0;
            while (sent < all) {
                // Of many lengths, so that blocks and records are filled in many ways.
                seed = (seed * 1103515245L + 12345) % (1L << 31);
                byte[] data = new byte[(int) Math.min(1 + seed % 5000, all - sent)];
                for (int i = 0; i < data.length; i++) {
                    data[i] = (byte) ((seed >> 7) + i * 7);
                }
                tls.getOutputStream().write(data);
                byte[] back = new byte[0];
                while (back.length < data.length) {
                    byte[] more = read();
                    if (more.length == 0) {
                        throw new IOException("the peer ended after " + (sent + back.length) + " bytes");
                    }
                    int length = back.length;
                    back = Arrays.copyOf(back, length + more.length);
                    System.arraycopy(more, 0, back, length, more.length);
                }
                if (!Arrays.equals(back, data)) {
                    throw new IOException("what came back differs after byte " + sent);
                }
                if (options.containsKey("--renegotiate") && sent == 0) {
                    renegotiate();
                }
                sent += data.length;
            }
            return sent;
        }

        String close() throws IOException {
            tls.shutdownOutput();
            try {
                // A cut is an exception.
                return !isClient || readOnce().length == 0 ? "clean" : "cut";
            } catch (SSLException error) {
                return "cut";
            } finally {
                tls.close();
            }
        }
    }
}
