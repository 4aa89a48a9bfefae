package server_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"reddot/api/rest"
	"reddot/cmd/reddot/server"
	"reddot/events"
	"reddot/projector/testkit"
)

// ask asks the HTTP API, which must answer with a status.
func (r *run) ask(code int, method, path, body string) (header http.Header, text []byte) {
	r.t.Helper()
	req := testkit.Must(http.NewRequestWithContext(r.t.Context(), method, "http://"+r.http+path, bytes.NewReader([]byte(body))))(r.t)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	resp := testkit.Must(http.DefaultClient.Do(req))(r.t)
	defer resp.Body.Close()
	text = testkit.Must(io.ReadAll(resp.Body))(r.t)
	if resp.StatusCode != code {
		r.t.Fatalf("%s %s: %d %s, want %d", method, path, resp.StatusCode, text, code)
	}
	return resp.Header, text
}

func asked200[T any](r *run, path string) (v T) {
	r.t.Helper()
	_, text := r.ask(http.StatusOK, "GET", path, "")
	testkit.OK(r.t, json.Unmarshal(text, &v))
	return v
}

// commands stores commands and waits until their events are stored.
func (r *run) commands(list ...string) (reply rest.BatchReply) {
	r.t.Helper()
	_, text := r.ask(http.StatusOK, "POST", "/v1/commands", `{"wait":"emitted","timeout_ms":30000,"commands":[`+strings.Join(list, ",")+`]}`)
	testkit.OK(r.t, json.Unmarshal(text, &reply))
	return reply
}

// TestRefused: refused commands are listed the newest first, page by page, however many
// events lie between them.
func TestRefused(t *testing.T) {
	r := start(t, t.TempDir(), true)
	defer r.stop()
	if got := asked200[rest.RefusedReply](r, "/v1/refused"); got.Refused == nil || len(got.Refused) > 0 || got.Next != "" {
		t.Errorf("nothing refused: %+v", got)
	}
	var want []events.Seq
	message := 0
	for i := range 25 {
		var list []string
		for range i * 7 % 40 {
			message++
			list = append(list, fmt.Sprintf(`{"type":"user.message","user":"alice","id":"m%d","from":"bob"}`, message))
		}
		list = append(list, fmt.Sprintf(`{"type":"user.read","user":"u%d","conversation":"group_g"}`, i))
		want = append([]events.Seq{r.commands(list...).LastSeq}, want...)
	}
	for _, limit := range []int{1, 4, 24, 25, 26, 200} {
		var got []events.Seq
		for path := fmt.Sprintf("/v1/refused?limit=%d", limit); path != ""; {
			page := asked200[rest.RefusedReply](r, path)
			for _, one := range page.Refused {
				got = append(got, one.Seq)
				if one.Reason != "not a member of the group" || !strings.HasPrefix(one.Subject, "unread.cmd.user.u") || one.At == 0 {
					t.Errorf("%+v", one)
				}
			}
			if path = ""; page.Next != "" {
				path = fmt.Sprintf("/v1/refused?limit=%d&after=%s", limit, page.Next)
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("limit %d: %v, want %v", limit, got, want)
		}
	}
	r.commands(`{"type":"user.mute","user":"u3","conversation":"group_g","muted":true}`, `{"type":"user.read","user":"u3","conversation":"group_h"}`)
	filtered := func(query string) (subjects []string, looked int) {
		t.Helper()
		for next, more := "", true; more; more = next != "" {
			page := asked200[rest.RefusedReply](r, "/v1/refused?"+query+next)
			for _, one := range page.Refused {
				subjects = append(subjects, one.Subject)
			}
			if page.Looked == nil || page.Looked.Seq == 0 || page.Looked.At == 0 {
				t.Fatalf("%s: how far it looked is not told: %+v", query, page)
			}
			looked += page.Looked.Count
			if next = ""; page.Next != "" {
				next = "&after=" + page.Next
			}
		}
		return subjects, looked
	}
	for query, want := range map[string]int{
		"type=user.read": 26, "type=user.mute": 1, "type=": 0, "type=nothing": 0, "subject=unread.cmd.user.u3.": 3, "subject=unread.cmd.user.u3.&type=user.read": 2,
		"subject=unread.cmd.user.u1": 11, "reason=not+a+member+of+the+group": 27, "reason=not+a+member": 0, "subject=u3": 0,
	} {
		for _, limit := range []string{"&limit=1", "&limit=200", ""} {
			if got, looked := filtered(query + limit); len(got) != want || looked != 27 {
				t.Errorf("%s%s: %d, %d looked at, want %d of 27: %v", query, limit, len(got), looked, want, got)
			}
		}
	}
	for _, bad := range []string{"type=a&type=b", "reason=%ff", "limit=0", "limit=201", "limit=x", "after=%21", "after=eA", "x=1", "limit=1&limit=2"} {
		r.ask(http.StatusBadRequest, "GET", "/v1/refused?"+bad, "")
	}
}

// TestPast: the state at a seq or a time, from a snapshot on where there is one.
func TestPast(t *testing.T) {
	r := start(t, t.TempDir(), true)
	defer r.stop()
	for i := range 5 {
		r.commands(fmt.Sprintf(`{"type":"user.message","user":"alice","id":"m%d","from":"bob"}`, i+1))
	}
	between := time.Now()
	testkit.Eventually(t, "the clock has moved", func() bool { return time.Since(between) > 5*time.Millisecond })
	_, _ = r.ask(http.StatusAccepted, "POST", "/v1/snapshot", "")
	testkit.Eventually(t, "the snapshot is there", func() bool { return len(asked200[rest.SnapshotsReply](r, "/v1/snapshots").Snapshots) == 1 })
	if s := asked200[rest.SnapshotsReply](r, "/v1/snapshots").Snapshots[0]; s.Seq != 5 || s.Bytes == 0 || s.Taken == 0 || s.LogTime == 0 || s.Error != "" {
		t.Errorf("%+v", s)
	}
	r.commands(`{"type":"user.read","user":"alice","conversation":"c2c_bob"}`, `{"type":"user.message","user":"alice","id":"m6","from":"bob"}`)
	unread := func(at string) uint64 {
		t.Helper()
		header, text := r.ask(http.StatusOK, "GET", "/v1/past/conversations?user=alice&at="+url.QueryEscape(at), "")
		var reply events.ConversationsReply
		testkit.OK(t, json.Unmarshal(text, &reply))
		if header.Get("Reddot-Applied") == "" {
			t.Errorf("%s: of which seq is not told", at)
		}
		return reply.Totals.Unread
	}
	for at, want := range map[string]uint64{"0": 0, "3": 3, "5": 5, "6": 0, "7": 1, between.Format(time.RFC3339Nano): 5, "2100-01-01T00:00:00Z": 1, "1990-01-01T00:00:00Z": 0} {
		if got := unread(at); got != want {
			t.Errorf("at %s: %d unread, want %d", at, got, want)
		}
	}
	explained := asked200[events.Explanation](r, "/v1/past/explain?user=alice&conversation=c2c_bob&at=4")
	if explained.Unread != 4 || len(explained.Messages) != 4 {
		t.Errorf("%+v", explained)
	}
	for query, code := range map[string]int{
		"conversations?user=alice": 400, "conversations?user=alice&at=8": 400, "conversations?user=alice&at=noon": 400, "conversations?at=1": 400,
		"conversations?user=alice&at=1&x=1": 400, "conversations?user=alice&at=1&limit=201": 400, "conversations?user=alice&at=1&after=x": 400,
		"conversations?user=alice&at=1&after_seq=1": 400, "explain?user=alice&at=1": 400, "explain?user=alice&at=0&conversation=c2c_bob": 404,
		"conversations?user=alice&at=1500-01-01T00:00:00Z": 400,
	} {
		r.ask(code, "GET", "/v1/past/"+query, "")
	}
}

// TestStats: what happened lately is counted.
func TestStats(t *testing.T) {
	r := start(t, t.TempDir(), true, func(c *server.Config) { c.Snapshots = "off" })
	defer r.stop()
	r.commands(`{"type":"user.message","user":"alice","id":"m1","from":"bob"}`, `{"type":"user.read","user":"alice","conversation":"group_g"}`)
	r.ask(http.StatusNotFound, "GET", "/v1/nothing", "")
	if got := asked200[rest.SnapshotsReply](r, "/v1/snapshots"); got.Snapshots == nil || len(got.Snapshots) > 0 {
		t.Errorf("snapshots are off: %+v", got)
	}
	r.ask(http.StatusBadRequest, "POST", "/v1/snapshot", "")
	s := asked200[rest.Stats](r, "/v1/stats")
	if len(s.Windows) != 3 {
		t.Fatalf("%+v", s)
	}
	for _, w := range s.Windows {
		if w.Commands.Count != 1 || w.Refused.Count != 1 || w.Events.Count != 1 || w.Requests.Count < 3 || w.Errors.Count != 0 || w.Seconds <= 0 {
			t.Errorf("%+v", w)
		}
		if w.Latencies.Apply.Count == 0 || w.Latencies.Emit.Count == 0 || w.Latencies.HTTP.P99 < w.Latencies.HTTP.P50 {
			t.Errorf("%+v", w.Latencies)
		}
	}
}
