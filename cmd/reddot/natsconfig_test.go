package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	natsd "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"reddot/cmd/reddot/server"
	"reddot/projector/testkit"
)

// TestNATSConfig: a NATS server with the configuration that is printed has streams for
// reddot, and asks it who anybody else is.
func TestNATSConfig(t *testing.T) {
	dir := t.TempDir()
	seed := filepath.Join(dir, "callout.seed")
	text := reddot(t, nil, "nats-config", "--auth-callout", seed).done(t)
	if again := reddot(t, nil, "nats-config", "--auth-callout", seed).done(t); again != text {
		t.Errorf("with the seed that it has made it prints\n%s\nand not\n%s", again, text)
	}
	if info := testkit.Must(os.Stat(seed))(t); info.Mode() != 0o600 {
		t.Errorf("the seed's file is %v", info.Mode())
	}
	t.Setenv("REDDOT_PASSWORD", "x")
	o := testkit.Must(natsd.ProcessConfigFile(fileOf(t, text+"listen: 127.0.0.1:-1\njetstream {store_dir: "+dir+"}\n")))(t)
	o.NoSigs, o.NoLog = true, true
	ns := testkit.Must(natsd.NewServer(o))(t)
	ns.Start()
	t.Cleanup(func() {
		ns.Shutdown()
		ns.WaitForShutdown()
	})
	own := testkit.Must(nats.Connect(ns.ClientURL(), nats.UserInfo("reddot", "x")))(t)
	defer own.Close()
	asked := testkit.Must(own.SubscribeSync(natsd.AuthCalloutSubject))(t)
	testkit.Must(testkit.Must(own.JetStream())(t).AccountInfo())(t)
	go nats.Connect(ns.ClientURL(), nats.Token("who am I"), nats.NoReconnect(), nats.MaxReconnects(0)) // refused at the end
	testkit.Must(asked.NextMsgWithContext(testkit.Context(t)))(t)

	public := testkit.Must(testkit.Must(server.ReadSeed(seed))(t).PublicKey())(t)
	if !strings.Contains(text, public) {
		t.Errorf("the key %s is not in it:\n%s", public, text)
	}
	reddot(t, nil, "nats-config").failed(t, exitUsage, "--auth-callout")
	reddot(t, nil, "nats-config", "--auth-callout", fileOf(t, "x")).failed(t, exitFailed, "not the seed of a NATS key")
	reddot(t, nil, "nats-config", "--auth-callout", filepath.Join(dir, "no-such", "seed")).failed(t, exitFailed, "no-such")
	user := "SUAMK2FG4MI6UE3ACF3FK3OIQBCEIEZV7NSWFFEW63UXMRLFM2XLAXK4GY"
	reddot(t, nil, "nats-config", "--auth-callout", fileOf(t, user)).failed(t, exitFailed, "want the seed of an account")
}
