package check

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// certify writes a certificate for this machine, its key, and both in one file.
func certify(t *testing.T, dir string) {
	t.Helper()
	key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))(t)
	of := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: must(x509.CreateCertificate(rand.Reader, of, of, &key.PublicKey, key))(t)})
	secret := pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: must(x509.MarshalECPrivateKey(key))(t)})
	for name, content := range map[string][]byte{"cert.pem": cert, "key.pem": secret, "both.pem": append(cert[:len(cert):len(cert)], secret...)} {
		ok(t, os.WriteFile(filepath.Join(dir, name), content, 0o600))
	}
}

// TestStreamsThroughProxies: through nginx, Caddy and HAProxy, as they are by themselves,
// plain and with TLS and HTTP/2, events come one by one as they happen, a poll is answered
// when something happens, and reddot hears that a client has gone.
func TestStreamsThroughProxies(t *testing.T) {
	t.Parallel() // HAProxy's own time-outs are waited for
	for name := range proxies {
		t.Run(name, func(t *testing.T) {
			reddot := serve(t)
			plain, secure := front(t, name, reddot)
			for way, at := range map[string]string{"plain": plain, "tls": secure} {
				t.Run(way, func(t *testing.T) {
					streams(t, reddot, at, name+"-"+way)
				})
			}
		})
	}
}

// streams has a user's events told through a proxy.
func streams(t *testing.T, reddot, at, user string) {
	transport := &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	client := &http.Client{Transport: transport}
	defer transport.CloseIdleConnections()
	ctx, leave := context.WithTimeout(t.Context(), time.Minute)
	defer leave()
	req := must(http.NewRequestWithContext(ctx, http.MethodGet, at+"/v1/events?user="+user, nil))(t)
	req.Header.Set("Accept-Encoding", "gzip")
	resp := must(client.Do(req))(t)
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Encoding") != "" {
		t.Fatalf("%s %v", resp.Status, resp.Header)
	}
	if strings.HasPrefix(at, "https") && resp.ProtoMajor != 2 {
		t.Errorf("it speaks %s", resp.Proto)
	}
	lines := bufio.NewScanner(resp.Body)
	next := func(want string) string { // the data of the next event, which has that name
		t.Helper()
		name := ""
		for lines.Scan() {
			if n, is := strings.CutPrefix(lines.Text(), "event: "); is {
				name = n
			}
			if data, is := strings.CutPrefix(lines.Text(), "data: "); is && name != "ping" {
				if name != want {
					t.Fatalf("event %s %s, want %s", name, data, want)
				}
				return data
			}
		}
		t.Fatalf("no %s: %v", want, lines.Err())
		return ""
	}
	send := func(id string) { // past the proxy
		t.Helper()
		call(t, reddot+"/v1/commands", map[string]any{"commands": []any{map[string]any{"type": "user.message", "user": user, "id": id, "from": "bob"}}}, nil)
	}
	for _, name := range []string{"hello", "reset", "change", "live"} {
		next(name)
	}
	for i, id := range []string{"m1", "m2", "m3"} {
		send(id)
		var change struct {
			Cursor string
			Totals struct{ Unread int }
		}
		ok(t, json.Unmarshal([]byte(next("change")), &change))
		if change.Totals.Unread != i+1 {
			t.Errorf("after %s: %+v", id, change)
		}
		if id != "m3" {
			continue
		}
		polled := make(chan error, 1)
		go func() {
			req := must(http.NewRequestWithContext(ctx, http.MethodGet, at+"/v1/changes?wait=50&user="+user+"&cursor="+change.Cursor, nil))(t)
			resp, err := client.Do(req)
			if err == nil {
				var reply struct{ Events []struct{ Event string } }
				err = json.NewDecoder(resp.Body).Decode(&reply)
				resp.Body.Close()
				if err == nil && (len(reply.Events) != 1 || reply.Events[0].Event != "change") {
					t.Errorf("polled %+v", reply)
				}
			}
			polled <- err
		}()
		open(t, reddot, "poll", "1")
		send("m4")
		if err := <-polled; err != nil {
			t.Error(err)
		}
		next("change")
	}
	leave()
	open(t, reddot, "sse", "0")
}

// open waits until a server has so many streams.
func open(t *testing.T, reddot, transport, want string) {
	t.Helper()
	are := regexp.MustCompile(`(?m)^reddot_streams\{transport="` + transport + `"\} (\d+)$`)
	for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		resp := must(http.Get(reddot + "/metrics"))(t)
		var all strings.Builder
		must(bufio.NewReader(resp.Body).WriteTo(&all))(t)
		resp.Body.Close()
		m := are.FindStringSubmatch(all.String())
		if len(m) == 2 && m[1] == want {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%s streams are %v, want %s", transport, m, want)
		}
	}
}
