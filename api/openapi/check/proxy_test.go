package check

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// proxies are what stands in front of reddot, each with its configuration: {{DIR}}, {{PORT}},
// {{TLSPORT}} and {{REDDOT}} are put in. Those that are deployed have the file of "reddot
// deploy", with the addresses and the certificate of the test.
var proxies = map[string]proxy{
	"nginx":          {"nginx", []string{"-c", "{{DIR}}/proxy.conf", "-p", "{{DIR}}", "-e", "stderr"}, nil, nil},
	"caddy":          {"caddy", []string{"run", "--adapter", "caddyfile", "--config", "{{DIR}}/proxy.conf"}, nil, nil},
	"haproxy":        {"haproxy", []string{"-q", "-db", "-f", "{{DIR}}/proxy.conf"}, nil, nil},
	"nginx-deployed": {"nginx", []string{"-c", "{{DIR}}/proxy.conf", "-p", "{{DIR}}", "-e", "stderr"}, nginxDeployed, nil},
	"caddy-deployed": {"caddy", []string{"run", "--adapter", "caddyfile", "--config", "{{DIR}}/proxy.conf"}, caddyDeployed,
		[]string{"REDDOT_SITE=http://127.0.0.1:{{PORT}}, https://127.0.0.1:{{TLSPORT}}", "REDDOT_UPSTREAMS={{REDDOT}}"}},
}

// proxy is how one is started.
type proxy struct {
	program string
	args    []string
	conf    func(t *testing.T) string // nil: it is in testdata
	env     []string
}

const deployed = "../../../cmd/reddot/deploy/files"

// nginxDeployed is the site in a server that has nothing else.
func nginxDeployed(t *testing.T) string {
	site := string(must(os.ReadFile(filepath.Join(deployed, "nginx.conf")))(t))
	site = replaced(t, site, "server 127.0.0.1:8480;", "server {{REDDOT}};")
	site = replaced(t, site, "listen 8080;", "listen 127.0.0.1:{{PORT}};\nlisten 127.0.0.1:{{TLSPORT}} ssl http2;\nssl_certificate {{DIR}}/cert.pem;\nssl_certificate_key {{DIR}}/key.pem;")
	plain := string(must(os.ReadFile(filepath.Join("testdata", "proxies", "nginx.conf")))(t))
	before, _, ok := strings.Cut(plain, "    server {")
	if !ok {
		t.Fatal("the configuration of nginx has no server")
	}
	return before + site + "}\n"
}

// caddyDeployed leaves the machine's trust and other ports as they are.
func caddyDeployed(t *testing.T) string {
	site := string(must(os.ReadFile(filepath.Join(deployed, "Caddyfile")))(t))
	return replaced(t, site, "\tgrace_period 10s\n", "\tgrace_period 10s\n\tadmin off\n\tskip_install_trust\n\tauto_https disable_redirects\n")
}

func replaced(t *testing.T, text, old, now string) string {
	t.Helper()
	if strings.Count(text, old) != 1 {
		t.Fatalf("%q does not stand once in\n%s", old, text)
	}
	return strings.Replace(text, old, now, 1)
}

// worst are ids that paths, queries and their decoders like least.
var worst = []string{
	".", "..", "...", "/", "//", "a/b", "a//b", "../b", "a/../b", "/etc/passwd", "%", "%2F", "%2f", "%252F", "%2e%2e", "%00", "%zz", "a%20b",
	"?", "&", "#", "?&#", "a=b", "a&user=b", "a;b", "a+b", " ", " a ", "a\tb", "a\nb", "\r\nX: y", "\\", "\"", "'", "<a>", "{}", "[]", "|",
	"*", ">", "a.b.c", "_INBOX.x", "ü", "日本語", "👨‍👩‍👧‍👦", "\u202e", "\ufeff", "e\u0301", strings.Repeat("x", 256), strings.Repeat("%", 256), strings.Repeat("😀", 64), "\x7f", "c2c_bob", "null",
}

// TestProxies: the worst ids pass nginx, Caddy and HAProxy whole, as users, messages,
// groups and parts of conversations; and a batch of 4 MiB does.
func TestProxies(t *testing.T) {
	for name := range proxies {
		t.Run(name, func(t *testing.T) {
			at, _ := front(t, name, serve(t))
			for _, id := range worst {
				passes(t, at, id)
			}
			large(t, at)
		})
	}
}

// free is the port of an address that nobody listens on.
func free(t *testing.T) string {
	t.Helper()
	l := must(net.Listen("tcp", "127.0.0.1:0"))(t)
	_, port, _ := net.SplitHostPort(l.Addr().String())
	ok(t, l.Close())
	return port
}

// front starts a proxy and returns its URL, and that with TLS.
func front(t *testing.T, name, reddot string) (plain, secure string) {
	t.Helper()
	port, tlsPort := free(t), free(t)
	at := "127.0.0.1:" + port
	dir := t.TempDir()
	certify(t, dir)
	put := strings.NewReplacer("{{DIR}}", dir, "{{PORT}}", port, "{{TLSPORT}}", tlsPort, "{{REDDOT}}", strings.TrimPrefix(reddot, "http://"))
	p := proxies[name]
	if p.conf == nil {
		p.conf = func(t *testing.T) string {
			return string(must(os.ReadFile(filepath.Join("testdata", "proxies", name+".conf")))(t))
		}
	}
	ok(t, os.WriteFile(filepath.Join(dir, "proxy.conf"), []byte(put.Replace(p.conf(t))), 0o644))
	cmd := exec.Command(p.program)
	for _, arg := range p.args {
		cmd.Args = append(cmd.Args, put.Replace(arg))
	}
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "XDG_DATA_HOME="+dir, "XDG_CONFIG_HOME="+dir, "HOME="+dir)
	for _, variable := range p.env {
		cmd.Env = append(cmd.Env, put.Replace(variable))
	}
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	ok(t, cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		<-ended
	})
	for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		if listens(at, "127.0.0.1:"+tlsPort) {
			return "http://" + at, "https://127.0.0.1:" + tlsPort
		}
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("%s ended: %v\n%s", name, err, said.String())
		default:
		}
		if time.Now().After(end) {
			t.Fatalf("%s does not listen\n%s", name, said.String())
		}
	}
}

// listens reports whether a proxy takes connections. Caddy listens for those with TLS before it
// has made its certificate.
func listens(plain, secure string) bool {
	c, err := net.Dial("tcp", plain)
	if err != nil {
		return false
	}
	c.Close()
	s, err := tls.Dial("tcp", secure, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		return false
	}
	s.Close()
	return true
}

// passes has a message stored that is called by an id all over, and asks for it.
func passes(t *testing.T, at, id string) {
	t.Helper()
	group := map[string]any{"type": "group.message", "group": id, "id": id, "from": id + "f"}
	if len(id) == 256 {
		group["from"] = "f"
	}
	call(t, at+"/v1/commands", map[string]any{"wait": "applied", "commands": []any{
		map[string]any{"type": "group.join", "group": id, "users": []string{id}},
		group,
	}}, nil)
	var reply struct {
		User         string
		Conversation struct {
			Conversation string
			Unread       int
			First        string `json:"first_unread"`
		}
	}
	query := url.Values{"user": {id}, "conversation": {"group_" + id}}
	call(t, at+"/v1/conversation?"+query.Encode(), nil, &reply)
	if c := reply.Conversation; reply.User != id || c.Conversation != "group_"+id || c.First != id || c.Unread != 1 {
		t.Errorf("%q comes back as %+v", id, reply)
	}
	// "+" is one way to write a space, "%20" the other.
	call(t, at+"/v1/conversation?"+strings.ReplaceAll(query.Encode(), "+", "%20"), nil, &reply)
	if reply.User != id {
		t.Errorf("%q comes back as %q", id, reply.User)
	}
	var stored struct{ Seq int }
	call(t, at+"/v1/read", map[string]any{"user": id, "conversation": "group_" + id, "upto": id, "wait": "applied"}, &stored)
	call(t, at+"/v1/conversation?"+query.Encode(), nil, &reply)
	if reply.Conversation.Unread != 0 {
		t.Errorf("%q is not read: %+v", id, reply)
	}
}

// large sends a batch that is as large as one may be.
func large(t *testing.T, at string) {
	t.Helper()
	const commands, most = 1000, 4 << 20
	var all []any
	for i := range commands {
		all = append(all, map[string]any{"type": "user.message", "user": "large", "id": fmt.Sprint(i), "from": "f", "text": strings.Repeat("x", most/commands-100)})
	}
	var reply struct{ Results []struct{ Seq int } }
	call(t, at+"/v1/commands", map[string]any{"commands": all}, &reply)
	if len(reply.Results) != commands {
		t.Errorf("%d of %d commands are stored", len(reply.Results), commands)
	}
}

// call asks, with a body if there is one, and reads the answer, which must be good.
func call(t *testing.T, at string, body, into any) {
	t.Helper()
	method, sent := http.MethodGet, io.Reader(nil)
	if body != nil {
		method, sent = http.MethodPost, bytes.NewReader(must(json.Marshal(body))(t))
	}
	req := must(http.NewRequest(method, at, sent))(t)
	req.Header.Set("Content-Type", "application/json")
	resp := must(http.DefaultClient.Do(req))(t)
	defer resp.Body.Close()
	answer := must(io.ReadAll(resp.Body))(t)
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d %s", at, resp.StatusCode, answer)
	}
	if into != nil {
		ok(t, json.Unmarshal(answer, into))
	}
}
