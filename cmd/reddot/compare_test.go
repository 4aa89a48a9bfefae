package main

import (
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// says checks that a command has done its work, and failed with an error.
func says(t *testing.T, r result, words string) {
	t.Helper()
	if r.code != exitFailed || !strings.HasSuffix(r.stderr, "reddot: "+words+"\n") {
		t.Errorf("exit code %d, stderr %q, want %q", r.code, r.stderr, words)
	}
}

// TestCompare names what differs between a file and what a real reddot says.
func TestCompare(t *testing.T) {
	address, _ := served(t, t.TempDir(), "127.0.0.1:0")
	t.Setenv("NATS_URL", address)
	for _, line := range []string{
		"send alice --from bob --id m1 --at 1795456800000",
		"send alice --from bob --id m2 --at 1795456800001 --mention alice",
		"send alice --from carol --id m3",
		"mute alice c2c_carol",
		"send bob --from alice --id m4",
		"read bob c2c_alice --at 1795456900000 --wait",
	} {
		reddot(t, nil, strings.Fields(line)...).done(t)
	}
	same := `user,conversation,unread,mentions,read_at,last_id,last_from,last_at,muted,labels
alice,c2c_bob,2,1,,m2,bob,1795456800001,false,
alice,c2c_carol,1,0,,,,,true,
bob,c2c_alice,0,,1795456900000,,,,,
bob,c2c_zoe,0,,,,,,,
zoe,group_none,0,0,,,,,,
`
	r := reddot(t, nil, "compare", file(t, "c.csv", []byte(same)))
	if out := r.done(t); out != "0 of 5 conversations of 3 users differ: 3 unread in c.csv, 3 in reddot\n" {
		t.Errorf("stdout %q", out)
	}
	other := `user,conversation,unread,mentions,read_at,last_id,last_from,last_at,muted,labels
alice,c2c_bob,3,2,5,m1,eve,1795456800000,true,work|a
zoe,c2c_bob,1,,,,,,,
`
	r = reddot(t, nil, "compare", file(t, "c.csv", []byte(other)))
	says(t, r, "3 conversations are not what c.csv says")
	want := `alice c2c_bob: unread is 3 in c.csv (line 2), 2 in reddot
alice c2c_bob: mentions is 2 in c.csv (line 2), 1 in reddot
alice c2c_bob: read_at is 5 in c.csv (line 2), none in reddot
alice c2c_bob: last_id is m1 in c.csv (line 2), m2 in reddot
alice c2c_bob: last_from is eve in c.csv (line 2), bob in reddot
alice c2c_bob: last_at is 1795456800000 in c.csv (line 2), 1795456800001 in reddot
alice c2c_bob: muted is true in c.csv (line 2), false in reddot
alice c2c_bob: labels is a|work in c.csv (line 2), none in reddot
alice c2c_carol: not in c.csv, 1 unread in reddot
zoe c2c_bob: unread is 1 in c.csv (line 3), 0 in reddot
3 of 3 conversations of 2 users differ: 4 unread in c.csv, 3 in reddot
`
	if diff := cmp.Diff(want, r.stdout); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	const short = "user,conversation,unread\nalice,c2c_bob,1\n"
	r = reddot(t, strings.NewReader(short), "compare", "-", "--json")
	says(t, r, "2 conversations are not what standard input says")
	want = `{"line":2,"user":"alice","conversation":"c2c_bob","fields":[{"name":"unread","there":1,"reddot":2}]}
{"user":"alice","conversation":"c2c_carol","no_row":true,"fields":[{"name":"unread","there":0,"reddot":1}]}
{"totals":{"users":1,"conversations":2,"differ":2,"unread":1,"reddot_unread":3}}
`
	if diff := cmp.Diff(want, r.stdout); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	says(t, reddot(t, strings.NewReader(short), "compare", "-", "--partial"), "1 conversation is not what standard input says")
	apart := "user,conversation,unread\nalice,c2c_bob,2\nbob,c2c_alice,0\nalice,c2c_carol,1\n"
	reddot(t, strings.NewReader(apart), "compare", "-").failed(t, exitFailed, `line 4: other rows of "alice" do not stand before it: sort the rows by user, or use --partial`)
	reddot(t, strings.NewReader(apart), "compare", "-", "--partial").done(t)
	reddot(t, strings.NewReader("user,conversation,unread\nalice,c2c_bob,many\n"), "compare", "-").failed(t, exitFailed, `line 2: unread "many"`)
}

// TestCompareMany compares more users than are asked about at once, in their order.
func TestCompareMany(t *testing.T) {
	address, _ := served(t, t.TempDir(), "127.0.0.1:0")
	t.Setenv("NATS_URL", address)
	var rows, wrong strings.Builder
	rows.WriteString("user,conversation,unread\n")
	const n = 3 * compareRead
	reddot(t, strings.NewReader(messageLines(n)), "publish", "--wait").done(t)
	for u := range 100 {
		count := n / 100
		if u > 0 && u <= n%100 {
			count++
		}
		name := "u" + strconv.Itoa(u)
		if u%10 == 5 {
			wrong.WriteString(name + " c2c_bob: unread is 7 in standard input (line " + strconv.Itoa(u+2) + "), " + strconv.Itoa(count) + " in reddot\n")
			count = 7
		}
		rows.WriteString(name + ",c2c_bob," + strconv.Itoa(count) + "\n")
	}
	r := reddot(t, strings.NewReader(rows.String()), "compare", "-")
	if diff := cmp.Diff(wrong.String(), r.stdout[:strings.LastIndex(strings.TrimSuffix(r.stdout, "\n"), "\n")+1]); diff != "" || r.code != exitFailed {
		t.Errorf("exit code %d (-want +got):\n%s", r.code, diff)
	}
}
