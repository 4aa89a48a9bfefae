package main_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"reddot/events"
	"reddot/projector/testkit/natstest"
)

// testSnapshots takes, lists, verifies, restores, prunes and removes snapshots
// in the data folder.
func testSnapshots(t *testing.T, p program) {
	o := operate(t, p)
	o.run("snapshot", "list").failed(t, 1, "there are no snapshots in "+filepath.Join(o.dir, "snapshots"), "reddot snapshot create", "--snapshots")
	o.run("snapshot", "restore").failed(t, 1, "there are no snapshots in")
	var seqs []events.Seq
	for range 3 {
		seqs = append(seqs, o.publish(200))
		matches(t, fmt.Sprintf("snapshot of seq %d, digest [0-9a-f]{16}, [0-9,]+ bytes, [0-9,]+ of them new\n", seqs[len(seqs)-1]), o.run("snapshot", "create").done(t))
	}
	matches(t, fmt.Sprintf("snapshot of seq %d, .* bytes, 0 of them new\n", seqs[2]), o.run("snapshot", "create").done(t))
	status := o.status()
	matches(t, fmt.Sprintf(".*\nSnapshot: +done at 20.*, seq %d, .* bytes, 0 of them new\n.*", seqs[2]), o.run("status").done(t))
	matches(t, ` *SEQ   TAKEN +BYTES   DIGEST             STREAM            ID
600   20.*   [0-9,]+   [0-9a-f]{16}   UNREAD_COMMANDS   0{17}600-[0-9a-f]{16}
400 .*
200 .*
`, o.run("snapshot", "list").done(t))
	ids := o.snapshots()
	const sound = ": sound, digest [0-9a-f]{16}\n"
	matches(t, ids[0]+sound+ids[1]+sound+ids[2]+sound, o.run("snapshot", "verify").done(t))
	matches(t, ids[1]+sound, o.run("snapshot", "verify", "400").done(t))
	o.run("snapshot", "verify", "4").failed(t, 1, "snapshot 4 in ", "not found", ids[0])
	o.run("snapshot", "prune", "--keep", "1").failed(t, 2, "--keep 1: use 2 or more")
	matches(t, "0 snapshots removed, 3 kept, 0 bytes freed\n", o.run("snapshot", "prune").done(t))
	o.run("snapshot", "restore").failed(t, 1, o.dir, "in use by another reddot: end that one")
	for i := range 3 {
		o.interrupt(time.Duration(i*15)*time.Millisecond, "snapshot", "create")
		o.interrupt(time.Duration(i*15)*time.Millisecond, "snapshot", "verify", "--data", o.dir)
	}

	// An older one by name, then the newest, with the server down.
	o.stop()
	for i := range 3 {
		o.interrupt(time.Duration(20+i*30)*time.Millisecond, "snapshot", "restore", "200", "--data", o.dir)
	}
	for _, which := range []string{"400", ids[0], ""} {
		args := strings.Fields("snapshot restore " + which)
		matches(t, "the store is the snapshot of seq [46]00, digest [0-9a-f]{16}\n", o.run(args...).done(t))
		o.start()
		if now := settled(t, connect(t, o.server.nats), status.Applied); now.Digest != status.Digest || now.Emitted != status.Emitted {
			t.Errorf("restored %q: %+v", which, now)
		}
		o.stop()
	}
	o.clean()

	// A fault in what the newest has and the oldest has not.
	piece := laterPiece(t, filepath.Join(o.dir, "snapshots"), ids[0], ids[2])
	flip(t, piece, 3)
	r := o.run("snapshot", "verify")
	r.broken(t, ".*damaged: file [0-9]+.*"+filepath.Base(piece)+".*", "--repair")
	o.run("snapshot", "restore", "600").reports(t, "snapshot "+ids[0]+" is damaged", filepath.Base(piece))
	r = o.run("snapshot", "restore")
	r.done(t)
	if !strings.Contains(r.stderr, "trying the next one") || !strings.Contains(r.stderr, ids[0]) {
		t.Errorf("the fault is not told: %s", r.stderr)
	}
	o.start()
	if now := settled(t, connect(t, o.server.nats), status.Applied); now.Digest != status.Digest {
		t.Errorf("restored from the one before: %+v", now)
	}
	o.run("snapshot", "verify", "--repair").broken(t, ".*damaged.*", `"reddot snapshot create" stores it anew`)

	// All of them are damaged, and one manifest.
	for _, name := range glob(t, filepath.Join(o.dir, "snapshots", "pieces", "*")) {
		flip(t, name, 3)
	}
	flip(t, filepath.Join(o.dir, "snapshots", "manifests", ids[0]), 3)
	matches(t, `.*\n600   unreadable .*`+ids[0]+".*\nread the manifest of snapshot "+ids[0]+".*\n", o.run("snapshot", "list").done(t))
	o.stop()
	o.run("snapshot", "restore").reports(t, "no snapshot can be used", ids[0], ids[1], ids[2])
	o.start()
	if now := settled(t, connect(t, o.server.nats), status.Applied); now.Digest != status.Digest {
		t.Errorf("a restore that failed changed something: %+v", now)
	}
	for _, id := range ids {
		o.run("snapshot", "remove", id).done(t)
	}
	if got := o.run("snapshot", "list").done(t); got != "no snapshots\n" {
		t.Errorf("list prints %q", got)
	}
	o.run("snapshot", "verify").failed(t, 1, "there are no snapshots to verify")
	// Files that the next one shares with those are damaged still, until they
	// are removed and stored anew.
	o.publish(50)
	o.run("snapshot", "create").done(t)
	o.run("snapshot", "verify", "--repair")
	o.run("snapshot", "create").done(t)
	o.run("snapshot", "verify").done(t)
}

// laterPiece is the file of the most bytes that one snapshot has and an
// earlier one has not.
func laterPiece(t *testing.T, dir, later, earlier string) string {
	t.Helper()
	manifest := func(id string) string {
		data, err := os.ReadFile(filepath.Join(dir, "manifests", id))
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	has, hasNot := manifest(later), manifest(earlier)
	var names []string
	for _, name := range glob(t, filepath.Join(dir, "pieces", "*")) {
		if sum := filepath.Base(name); strings.Contains(has, sum) && !strings.Contains(hasNot, sum) {
			names = append(names, name)
		}
	}
	return largest(t, names)
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	names, err := filepath.Glob(pattern)
	if err != nil || len(names) == 0 {
		t.Fatalf("no %s: %v", pattern, err)
	}
	return names
}

func largest(t *testing.T, names []string) (name string) {
	t.Helper()
	most := int64(-1)
	for _, n := range names {
		info, err := os.Stat(n)
		if err != nil {
			t.Fatal(err)
		}
		if info.Size() > most {
			most, name = info.Size(), n
		}
	}
	return name
}

// testSnapshotPlaces keeps snapshots elsewhere: in another folder, in a bucket
// of the embedded server and in one of another server. A server whose store is
// gone begins with one.
func testSnapshotPlaces(t *testing.T, p program) {
	for name, args := range map[string][]string{
		"folder":                   {"--snapshots", t.TempDir()},
		"bucket":                   {"--snapshots", "bucket:kept"},
		"bucket of another server": {"--snapshots", "bucket:kept", "--nats", natstest.Start(t).URL()},
	} {
		t.Run(name, func(t *testing.T) {
			o := operate(t, p, args...)
			place := args[:2]
			o.run(append([]string{"snapshot", "list"}, "--snapshots", "bucket:other")...).failed(t, 1, "there is no bucket other")
			o.publish(300)
			early := o.snapshot()
			last := o.publish(300)
			o.snapshot()
			status := settled(t, connect(t, o.server.nats), last)
			if ids := o.snapshots(place...); len(ids) != 2 {
				t.Errorf("listed: %v", ids)
			}
			o.run(append([]string{"snapshot", "verify"}, place...)...).done(t)
			o.run(append([]string{"verify", "--against", fmt.Sprint(early)}, place...)...).done(t)
			if r := o.run(append([]string{"show", "a", "--at", "301"}, place...)...); !strings.Contains(r.stderr, "1 command folded in") {
				t.Errorf("the snapshot is not used: %s", r.stderr)
			}
			url := o.server.nats
			o.stop()
			restore := append([]string{"snapshot", "restore", fmt.Sprint(early), "--data", o.dir}, place...)
			if len(args) > 2 {
				restore = append(restore, "--server", url)
			}
			matches(t, fmt.Sprintf("the store is the snapshot of seq %d, .*", early), p.run(t, nil, restore...).done(t))
			for _, gone := range []bool{false, true} {
				if gone {
					if err := os.RemoveAll(filepath.Join(o.dir, "store")); err != nil {
						t.Fatal(err)
					}
				}
				o.start()
				if now := settled(t, connect(t, o.server.nats), last); now.Digest != status.Digest || now.Applied != status.Applied {
					t.Errorf("store gone %v: %+v", gone, now)
				}
				if begins := strings.Contains(o.server.stderr.String(), "the store begins with a snapshot"); begins != gone {
					t.Errorf("store gone %v, begins with a snapshot %v", gone, begins)
				}
				o.stop()
			}
		})
	}
}

// testForeignSnapshot puts a snapshot of one log into the folder of another.
func testForeignSnapshot(t *testing.T, p program) {
	one, other := operate(t, p), operate(t, p)
	for _, o := range []*operator{one, other} {
		o.publish(100)
		o.snapshot()
		o.stop()
	}
	from := []string{"--snapshots", filepath.Join(one.dir, "snapshots")}
	id := one.snapshots()[0]
	other.run(append([]string{"snapshot", "restore", "100"}, from...)...).failed(t, 1, "snapshot "+id+" is of another log", "another data folder")
	other.run(append([]string{"snapshot", "restore"}, from...)...).failed(t, 1, "no snapshot can be used", id, "another stream")
	other.start() // as it was
	settled(t, connect(t, other.server.nats), 100)
	// A folder without a log takes any, and says that it was not asked.
	empty := t.TempDir()
	r := p.run(t, nil, append([]string{"snapshot", "restore", "--data", empty}, from...)...)
	matches(t, "the store is the snapshot of seq 100, .*", r.done(t))
	matches(t, "the log is not asked .*--server or NATS_URL\n.* bytes read in .*\n", r.stderr)
	p.run(t, nil, "serve", "--data", empty, "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", "--log-level", "error").
		failed(t, 1, "stream", "data folder")
}

// testScratch leaves behind what a crash of a command leaves: the next command
// and the server's start remove it, but not what is at work.
func testScratch(t *testing.T, p program) {
	o := operate(t, p)
	o.publish(10)
	scratch := filepath.Join(o.dir, "scratch")
	make := func(name string) string {
		t.Helper()
		dir := filepath.Join(scratch, name, "past")
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		return filepath.Dir(dir)
	}
	there := func(dir string) bool { _, err := os.Stat(dir); return err == nil }
	working := make("command-working")
	lock, err := vfs.Default.Lock(filepath.Join(working, "LOCK"))
	if err != nil {
		t.Fatal(err)
	}
	starting, old := make("new-1"), make("new-2")
	hours := time.Now().Add(-3 * time.Hour)
	if err := os.Chtimes(old, hours, hours); err != nil {
		t.Fatal(err)
	}
	for _, sweep := range []func(){
		func() { o.run("show", "a", "--at", strconv.Itoa(5)).done(t) },
		func() { o.stop(); o.start() },
	} {
		crashed := make("command-crashed")
		sweep()
		if there(crashed) || there(old) || !there(working) || !there(starting) {
			t.Errorf("crashed %v, old %v are there; working %v, starting %v", there(crashed), there(old), there(working), there(starting))
		}
	}
	if err := lock.Close(); err != nil {
		t.Fatal(err)
	}
	o.run("show", "a", "--at", "5").done(t)
	if there(working) {
		t.Error("the folder of a command that has ended is left")
	}
}
