// Go's crypto/tls as a client or a server of the tests in with_go.rs, for some connections one after another. It prints a line
// of JSON about each, and as a server first the port it listens on.
package main

import (
	"bytes"
	"crypto/ecdh"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"time"
)

var (
	role     = flag.String("role", "client", "client or server")
	port     = flag.Int("port", 0, "where a client connects to")
	ca       = flag.String("ca", "", "who vouches for the other side: PEM")
	cert     = flag.String("cert", "", "our chain: PEM")
	key      = flag.String("key", "", "our key: PEM")
	scts     = flag.String("scts", "", "timestamps beside our certificate: hex, with commas")
	curves   = flag.String("curves", "", "groups, by number, with commas")
	alpn     = flag.String("alpn", "", "application protocols, with commas")
	keyLog   = flag.String("keylog", "", "where secrets are logged")
	label    = flag.String("label", "", "what to export under")
	context  = flag.String("context", "", "what to export under")
	times    = flag.Int("times", 1, "how many connections")
	size     = flag.Int("size", 1000, "how many bytes each way")
	echo     = flag.Bool("echo", false, "send everything back instead")
	noTicket = flag.Bool("notickets", false, "no tickets")
	tls12    = flag.Bool("tls12", false, "TLS 1.2 instead")
	ech      = flag.String("ech", "", "a server's HPKE: KDF and AEAD by number, with a comma")
	echRetry = flag.Bool("echretry", false, "gives a client that has another key this one")
	echList  = flag.String("echlist", "", "a client's ECHConfigList: hex")
)

const deadline = 20 * time.Second

// What everybody sees in place of a name that is encrypted.
const publicName = "public.example"

// What is told of a connection.
type told struct {
	Version  string `json:"version"`
	Suite    uint16 `json:"suite"`
	Group    uint16 `json:"group"`
	Retried  bool   `json:"retried"`
	Resumed  bool   `json:"resumed"`
	Alpn     string `json:"alpn"`
	Exported string `json:"exported"`
	Peer     string `json:"peer"`
	Name     string `json:"name"`
	Ech      bool   `json:"ech"`
	Scts     string `json:"scts"`
	Retry    string `json:"retry"`
	Error    string `json:"error"`
}

func must[T any](value T, err error) T {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	return value
}

// The bytes of ends::noise.
func noise(seed uint64, count int) []byte {
	state := seed*0x9e3779b97f4a7c15 | 1
	out := make([]byte, count)
	for i := range out {
		state ^= state << 13
		state ^= state >> 7
		state ^= state << 17
		out[i] = byte(state >> 32)
	}
	return out
}

func config() *tls.Config {
	config := &tls.Config{MinVersion: tls.VersionTLS13, ServerName: "localhost", SessionTicketsDisabled: *noTicket}
	if *ca != "" {
		pool := x509.NewCertPool()
		pool.AppendCertsFromPEM(must(os.ReadFile(*ca)))
		config.RootCAs, config.ClientCAs = pool, pool
		config.ClientAuth = tls.RequireAndVerifyClientCert
	}
	if *cert != "" {
		identity := must(tls.LoadX509KeyPair(*cert, *key))
		for _, timestamp := range strings.FieldsFunc(*scts, func(r rune) bool { return r == ',' }) {
			timestamps := append(identity.SignedCertificateTimestamps, must(hex.DecodeString(timestamp)))
			identity.SignedCertificateTimestamps = timestamps
		}
		config.Certificates = []tls.Certificate{identity}
	}
	for _, curve := range strings.FieldsFunc(*curves, func(r rune) bool { return r == ',' }) {
		config.CurvePreferences = append(config.CurvePreferences, tls.CurveID(must(strconv.ParseUint(curve, 10, 16))))
	}
	if *alpn != "" {
		config.NextProtos = strings.Split(*alpn, ",")
	}
	if *keyLog != "" {
		config.KeyLogWriter = must(os.OpenFile(*keyLog, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600))
	}
	if *tls12 {
		config.MinVersion, config.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
	}
	if *echList != "" {
		config.EncryptedClientHelloConfigList = must(hex.DecodeString(*echList))
	}
	config.ClientSessionCache = tls.NewLRUClientSessionCache(8)
	return config
}

// A fresh key for encrypted hellos, and what is published of it, which is printed.
func echKey(suite string) tls.EncryptedClientHelloKey {
	key := must(ecdh.X25519().GenerateKey(rand.Reader))
	kdf, aead, _ := strings.Cut(suite, ",")
	contents := []byte{7, 0, 0x20, 0, 32}
	contents = append(contents, key.PublicKey().Bytes()...)
	contents = append(contents, 0, 4)
	contents = binary.BigEndian.AppendUint16(contents, uint16(must(strconv.ParseUint(kdf, 10, 16))))
	contents = binary.BigEndian.AppendUint16(contents, uint16(must(strconv.ParseUint(aead, 10, 16))))
	contents = append(contents, 32, byte(len(publicName)))
	contents = append(contents, publicName...)
	contents = append(contents, 0, 0)
	config := binary.BigEndian.AppendUint16([]byte{0xfe, 0x0d}, uint16(len(contents)))
	config = append(config, contents...)
	list := append(binary.BigEndian.AppendUint16(nil, uint16(len(config))), config...)
	fmt.Println("ech", hex.EncodeToString(list))
	return tls.EncryptedClientHelloKey{Config: config, PrivateKey: key.Bytes(), SendAsRetry: *echRetry}
}

func read(conn net.Conn, seed uint64) error {
	came := make([]byte, *size)
	if _, err := io.ReadFull(conn, came); err != nil {
		return err
	}
	if !bytes.Equal(came, noise(seed, *size)) {
		return fmt.Errorf("what came is not what was sent")
	}
	return nil
}

// The peer's close_notify: io.EOF. A cut is io.ErrUnexpectedEOF.
func end(conn net.Conn) error {
	n, err := conn.Read(make([]byte, 1))
	if n != 0 || err != io.EOF {
		return fmt.Errorf("no close_notify: %d bytes, %v", n, err)
	}
	return nil
}

func talk(conn *tls.Conn) error {
	if *echo {
		_, err := io.Copy(conn, conn)
		return err
	}
	first, second := uint64(1), uint64(2)
	if *role == "server" {
		if err := read(conn, first); err != nil {
			return err
		}
		if _, err := conn.Write(noise(second, *size)); err != nil {
			return err
		}
		return end(conn)
	}
	if _, err := conn.Write(noise(first, *size)); err != nil {
		return err
	}
	if err := read(conn, second); err != nil {
		return err
	}
	if err := conn.CloseWrite(); err != nil {
		return err
	}
	return end(conn)
}

func one(conn *tls.Conn) (told told) {
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(deadline))
	if err := conn.Handshake(); err != nil {
		told.Error = err.Error()
		var rejection *tls.ECHRejectionError
		if errors.As(err, &rejection) {
			told.Retry = hex.EncodeToString(rejection.RetryConfigList)
		}
		return
	}
	err := talk(conn)
	state := conn.ConnectionState()
	told.Version = tls.VersionName(state.Version)
	told.Suite = state.CipherSuite
	told.Group = uint16(state.CurveID)
	told.Retried = state.HelloRetryRequest
	told.Resumed = state.DidResume
	told.Alpn = state.NegotiatedProtocol
	told.Name = state.ServerName
	told.Ech = state.ECHAccepted
	var timestamps []string
	for _, timestamp := range state.SignedCertificateTimestamps {
		timestamps = append(timestamps, hex.EncodeToString(timestamp))
	}
	told.Scts = strings.Join(timestamps, ",")
	if len(state.PeerCertificates) > 0 {
		told.Peer = state.PeerCertificates[0].Subject.CommonName
	}
	exported, exportErr := state.ExportKeyingMaterial(*label, []byte(*context), 32)
	told.Exported = hex.EncodeToString(exported)
	for _, err := range []error{err, exportErr} {
		if err != nil {
			told.Error = err.Error()
		}
	}
	return
}

func main() {
	flag.Parse()
	config := config()
	var listener *net.TCPListener
	if *role == "server" {
		listener = must(net.Listen("tcp", "127.0.0.1:0")).(*net.TCPListener)
		fmt.Println("listening", listener.Addr().(*net.TCPAddr).Port)
		if *ech != "" {
			config.EncryptedClientHelloKeys = []tls.EncryptedClientHelloKey{echKey(*ech)}
		}
	}
	for range *times {
		var conn *tls.Conn
		if listener != nil {
			listener.SetDeadline(time.Now().Add(deadline))
			conn = tls.Server(must(listener.Accept()), config)
		} else {
			address := net.JoinHostPort("127.0.0.1", strconv.Itoa(*port))
			conn = tls.Client(must(net.DialTimeout("tcp", address, deadline)), config)
		}
		fmt.Println(string(must(json.Marshal(one(conn)))))
	}
}
