package server_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io/fs"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"reddot/cmd/reddot/server"
	"reddot/projector/testkit"
)

// TestH2C: a proxy in front may talk HTTP/2 without TLS, where it is let.
func TestH2C(t *testing.T) {
	for _, let := range []bool{true, false} {
		r := start(t, t.TempDir(), true, func(c *server.Config) { c.H2C = let })
		protocols := new(http.Protocols)
		protocols.SetUnencryptedHTTP2(true)
		transport := &http.Transport{Protocols: protocols}
		response, err := (&http.Client{Transport: transport}).Get("http://" + r.http + "/healthz")
		if err == nil {
			response.Body.Close()
		}
		if (err == nil && response.Proto == "HTTP/2.0") != let {
			t.Errorf("let: %v, and it talks %v, %v", let, response, err)
		}
		transport.CloseIdleConnections()
		r.stop()
	}
}

// writeCertificate writes a certificate of this machine with a number, and returns what
// trusts it.
func writeCertificate(t *testing.T, certFile, keyFile string, number int64) *x509.CertPool {
	t.Helper()
	key := testkit.Must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))(t)
	c := &x509.Certificate{
		SerialNumber: big.NewInt(number), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der := testkit.Must(x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key))(t)
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	private := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: testkit.Must(x509.MarshalPKCS8PrivateKey(key))(t)})
	testkit.OK(t, os.WriteFile(keyFile, private, 0o600), os.WriteFile(certFile, text, 0o600))
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(text)
	return pool
}

// TestTLS: HTTP, NATS and NATS over HTTP talk TLS, HTTP version 2; a certificate that
// changes is used from then on, and one that can't be used changes nothing.
func TestTLS(t *testing.T) {
	dir, file := t.TempDir(), authFile(t)
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	pool := writeCertificate(t, certFile, keyFile, 1)
	r := start(t, t.TempDir(), true, func(c *server.Config) {
		c.AuthFile, c.WebSocket, c.TLSCert, c.TLSKey = file, true, certFile, keyFile
	})
	trust := func() nats.Option { return nats.Secure(&tls.Config{RootCAs: pool}) }
	number := func(address string) int64 {
		c, err := tls.Dial("tcp", address, &tls.Config{RootCAs: pool})
		if err != nil {
			return 0
		}
		defer c.Close()
		return c.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
	}
	for _, url := range []string{r.nats, "wss://" + r.http} {
		c := testkit.Must(nats.Connect(url, trust(), nats.Token("rdk_backend"), nats.ProxyPath("nats")))(t)
		testkit.Must(c.RequestWithContext(testkit.Context(t), "unread.api.alice.totals", nil))(t)
		c.Close()
	}
	if c, err := nats.Connect("nats://"+r.nats[len("tls://"):], nats.Token("rdk_backend")); err == nil {
		c.Close()
		t.Error("NATS without TLS, or with a certificate that nobody trusts")
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true}
	response := testkit.Must((&http.Client{Transport: transport}).Get("https://" + r.http + "/healthz"))(t)
	response.Body.Close()
	transport.CloseIdleConnections()
	if response.Proto != "HTTP/2.0" {
		t.Errorf("it talks %s", response.Proto)
	}
	if c, err := tls.Dial("tcp", r.http, &tls.Config{RootCAs: pool, MaxVersion: tls.VersionTLS11}); err == nil {
		c.Close()
		t.Error("it talks TLS 1.1")
	}

	testkit.OK(t, os.WriteFile(certFile, []byte("half a certif"), 0o600))
	testkit.Eventually(t, "it is said that the certificate can't be used", func() bool {
		if got := number(r.http); got != 1 {
			t.Fatalf("the certificate is number %d", got)
		}
		return r.log.Has("can't be used: the certificate stays")
	})
	pool = writeCertificate(t, certFile, keyFile, 2)
	testkit.Eventually(t, "the new certificate is shown", func() bool { return number(r.http) == 2 })
	c := testkit.Must(nats.Connect(r.nats, trust(), nats.Token("rdk_backend")))(t)
	c.Close()
	r.stop()

	cfg := server.Default()
	cfg.TLSCert, cfg.TLSKey = certFile, filepath.Join(dir, "no-such")
	if _, err := server.New(cfg); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "--tls-key") {
		t.Errorf("without a key: %v", err)
	}
}
