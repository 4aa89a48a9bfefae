package rest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"reddot/api/identity"
	"reddot/events"
	"reddot/projector/testkit"
)

// TestQueries: what NATS answers to the same question, HTTP does.
func TestQueries(t *testing.T) {
	w := open(t)
	last := w.commands(
		`{"type":"policy","group_receipts":"members","threads":"apart"}`,
		`{"type":"user.message","user":"alice","id":"m1","from":"bob"}`,
		`{"type":"group.join","group":"g/1","users":["alice","carl"]}`,
		`{"type":"group.message","group":"g/1","id":"m2","from":"alice","mentions":["carl"]}`,
		`{"type":"group.message","group":"g/1","id":"m3","from":"alice","thread":"m2"}`,
		`{"type":"user.follow","user":"carl","conversation":"group_g/1","thread":"m2","following":true}`,
		`{"type":"user.read","user":"carl","conversation":"group_g/1","upto":"m2"}`,
		`{"type":"user.read","user":"alice","conversation":"c2c_bob"}`,
	).LastSeq
	for _, q := range []struct{ url, user, query, request string }{
		{"totals?user=alice&include_muted=1&kind=c2c", "alice", "totals", `{"kind":"c2c","include_muted":true}`},
		{"totals?user=alice&label=", "alice", "totals", `{"label":""}`},
		{"conversations?user=carl&limit=1&mentioned=false", "carl", "conversations", `{"limit":1}`},
		{"conversation?user=carl&conversation=group_g%2F1", "carl", "conversation", `{"conversation":"group_g/1"}`},
		{"explain?user=carl&conversation=group_g%2f1&thread=", "carl", "explain", `{"conversation":"group_g/1","thread":""}`},
		{"receipt?user=bob&peer=alice", "bob", "receipt", `{"peer":"alice"}`},
		{"threads?user=carl&following=true", "carl", "threads", `{"following":true}`},
		{"thread?user=carl&conversation=group_g/1&thread=m2", "carl", "thread", `{"conversation":"group_g/1","thread":"m2"}`},
		{"group-receipts?user=alice&group=g/1&ids=m2&ids=m3", "alice", "group-receipts", `{"group":"g/1","ids":["m2","m3"]}`},
		{"readers?user=alice&group=g/1&id=m2&read=0", "alice", "readers", `{"group":"g/1","id":"m2","read":false}`},
	} {
		got := w.want(200, w.get("/v1/"+q.url))
		reply := testkit.Must(w.conn.Request(w.subjects.Query(q.user, q.query), []byte(q.request), testkit.Patience))(t)
		if code := reply.Header.Get(events.HeaderErrorCode); code != "" || got.body != string(reply.Data) {
			t.Errorf("%s:\nHTTP %s\nNATS %s %s", q.url, got.body, code, reply.Data)
		}
		if h := got.header; h.Get("Reddot-Applied") != "8" || h.Get("Cache-Control") != "private, no-cache" || h.Get("Content-Type") != "application/json; charset=utf-8" {
			t.Errorf("%s: seq %d, %v", q.url, last, h)
		}
	}
	for url, want := range map[string]string{
		"/v1/users?prefix=c":                        `{"users":["carl"]}`,
		"/v1/users?limit=1":                         `{"users":["alice"],"next":"YWxpY2U"}`,
		"/v1/users?limit=1&after=YWxpY2U":           `{"users":["carl"]}`,
		"/v1/users?after=Y2FybA":                    `{"users":[]}`,
		"/v1/group/members?group=g/1&limit=1":       `{"members":[{"user":"alice","unread":0}],"next":"YWxpY2U"}`,
		"/v1/group/members?group=g/1&after=YWxpY2U": `{"members":[{"user":"carl","unread":0}]}`,
	} {
		if got := w.want(200, w.get(url)); got.body != want {
			t.Errorf("%s: %s, want %s", url, got.body, want)
		}
	}
	group := read[events.GroupReply](t, w.get("/v1/group?group=g/1"))
	if group.Members != 2 || group.Messages != 2 || group.Head != 5 || len(group.Last) != 2 || group.Last[0].ID != "m3" {
		t.Errorf("%+v", group)
	}
	if got := w.want(404, w.get("/v1/group?group=none")).problem(t); got.Code != "not_found" {
		t.Error(got)
	}
	some := read[events.ConversationsGetReply](t, w.post("/v1/conversations/get", `{"user":"alice","conversations":["group_g/1","c2c_none","c2c_bob"]}`))
	if len(some.Conversations) != 2 || some.Conversations[0].Conversation != "group_g/1" {
		t.Errorf("%+v", some)
	}
	batch := read[events.TotalsBatchReply](t, w.post("/v1/totals/batch", `{"users":["carl","nobody","carl"]}`))
	if len(batch.Totals) != 3 || batch.Totals[1].User != "nobody" || batch.Applied != 8 {
		t.Errorf("%+v", batch)
	}
}

// TestETag: who has seen the state is told that it is the same, without a body.
func TestETag(t *testing.T) {
	w := open(t)
	w.commands(`{"type":"user.message","user":"alice","id":"m1","from":"bob"}`, `{"type":"user.message","user":"carl","id":"m1","from":"bob"}`)
	for _, url := range []string{"/v1/totals?user=alice", "/v1/conversations?user=alice", "/v1/conversation?user=alice&conversation=c2c_bob", "/v1/threads?user=alice", "/v1/explain?user=alice&conversation=c2c_bob"} {
		tag := w.want(200, w.get(url)).header.Get("ETag")
		if !strings.HasSuffix(tag, `-1"`) {
			t.Errorf("%s: ETag %s", url, tag)
		}
		for _, match := range []string{tag, "W/" + tag, `"other-9", ` + tag} {
			if got := w.want(304, w.get(url, "If-None-Match: "+match)); got.body != "" || got.header.Get("ETag") != tag || got.header.Get("Reddot-Applied") == "" {
				t.Errorf("%s: %+v", url, got)
			}
		}
		for _, match := range []string{strings.Replace(tag, `-1"`, `-2"`, 1), `"x-1"`, `"1"`, "junk", strings.Replace(tag, `-1"`, `-18446744073709551616"`, 1)} {
			w.want(200, w.get(url, "If-None-Match: "+match))
		}
	}
	tag := w.get("/v1/totals?user=alice").header.Get("ETag")
	w.commands(`{"type":"user.message","user":"alice","id":"m2","from":"bob"}`)
	if got := w.want(200, w.get("/v1/totals?user=alice", "If-None-Match: "+tag)); !strings.Contains(got.body, `"unread":2`) {
		t.Error(got.body)
	}
	if got := w.get("/v1/users"); got.header.Get("ETag") != "" {
		t.Error("a list of users has an ETag")
	}
	if got := w.send("HEAD", "/v1/totals?user=alice", ""); got.code != http.StatusOK || got.body != "" {
		t.Errorf("%+v", got)
	}
}

// TestPages: the address of the next page stands in Link.
func TestPages(t *testing.T) {
	w := open(t)
	w.commands(`{"type":"user.message","user":"a&b","id":"m1","from":"x"}`, `{"type":"user.message","user":"a&b","id":"m1","from":"y"}`, `{"type":"user.message","user":"a&b","id":"m1","from":"z"}`)
	url, seen := "/v1/conversations?user=a%26b&limit=1", []string{}
	for url != "" {
		page := w.want(200, w.get(url))
		for _, c := range read[events.ConversationsReply](t, page).Conversations {
			seen = append(seen, c.Conversation)
		}
		link := page.header.Get("Link")
		url, _, _ = strings.Cut(strings.TrimPrefix(link, "<"), ">")
		if link != "" && !strings.HasSuffix(link, `>; rel="next"`) {
			t.Error(link)
		}
	}
	if strings.Join(seen, " ") != "c2c_z c2c_y c2c_x" {
		t.Error(seen)
	}
}

// worstIDs are those that paths, proxies and encodings like to break.
var worstIDs = []string{
	".", "..", "a/b", "/", "//", "a//b", "%2F", "%", "%%", "%00", "%zz", "?", "&", "#", "a?b=c&d#e", "=", "+", " ", " a ", "a+b", ";", "a;b",
	"\n", "\r\n", "\t", "\x01", "\x7f", "\\", `"`, "'", "<script>", "`", "{}", "[", "null", "true", "0", "@", "alice@example.com", "群", "😀", "e\u0301", "\u202e", "\ufeff",
	"h.x.y", "*", ">", "*.>", "_INBOX.x", "c2c_", "group_x", strings.Repeat("x", 256), strings.Repeat("群", 85),
}

// TestWorstIDs: they come through as they are, in URLs, bodies and links.
func TestWorstIDs(t *testing.T) {
	w := newWorld(t, options{fold: true, auth: `"origins":[]`})
	viewer, backend := w.as(identity.Viewer), w.as(identity.Backend)
	var list []string
	for _, id := range worstIDs {
		list = append(list, fmt.Sprintf(`{"type":"user.message","user":%s,"id":%[1]s,"from":%[1]s}`, quote(t, id)),
			fmt.Sprintf(`{"type":"user.message","user":%s,"id":%[1]s,"from":"other"}`, quote(t, id)),
			fmt.Sprintf(`{"type":"group.join","group":%s,"users":[%[1]s]}`, quote(t, id)))
	}
	w.commands(list...)
	for _, id := range worstIDs {
		user := "user=" + url.QueryEscape(id)
		got := read[events.ConversationReply](t, w.want(200, w.get("/v1/conversation?"+user+"&conversation="+url.QueryEscape("group_"+id), viewer...)))
		if got.User != id || got.Conversation.Conversation != "group_"+id {
			t.Errorf("%q comes back as %q in %q", id, got.User, got.Conversation.Conversation)
		}
		if got := read[events.TotalsReply](t, w.get("/v1/totals?"+user, viewer...)); got.User != id || got.Totals.Unread != 1 {
			t.Errorf("%q: %+v", id, got)
		}
		some := read[events.ConversationsGetReply](t, w.post("/v1/conversations/get", fmt.Sprintf(`{"user":%s,"conversations":[%s]}`, quote(t, id), quote(t, "group_"+id)), viewer...))
		if len(some.Conversations) != 1 {
			t.Errorf("%q: %+v", id, some)
		}
		w.want(200, w.post("/v1/read", fmt.Sprintf(`{"user":%s,"conversation":"c2c_other","upto":%[1]s,"wait":"applied"}`, quote(t, id)), backend...))
		first := w.want(200, w.get("/v1/conversations?"+user+"&limit=1", viewer...))
		next, _, _ := strings.Cut(strings.TrimPrefix(first.header.Get("Link"), "<"), ">")
		if page := read[events.ConversationsReply](t, w.get(next, viewer...)); page.User != id || len(page.Conversations) != 1 {
			t.Errorf("%q: next page %+v", id, page)
		}
	}
	seen := 0
	for next := "/v1/users?limit=7"; next != ""; {
		page := w.want(200, w.get(next, viewer...))
		seen += len(read[events.UsersReply](t, page).Users)
		next, _, _ = strings.Cut(strings.TrimPrefix(page.header.Get("Link"), "<"), ">")
	}
	if seen != len(worstIDs) {
		t.Errorf("%d of %d users are listed", seen, len(worstIDs))
	}
}

func quote(tb testing.TB, s string) string {
	return string(testkit.Must(json.Marshal(s))(tb))
}
