package counts_test

import (
	"strings"
	"testing"

	"reddot/cmd/reddot/counts"
)

// TestPatterns: what names nothing, or two things alike, is refused before anybody is
// asked.
func TestPatterns(t *testing.T) {
	for want, p := range map[string]counts.Patterns{
		`--key "unread:*": {user} has to stand in it`:     {Key: "unread:*", C2C: "c2c_{peer}", Group: "group_{group}"},
		`--key "{user}{user}": {user} stands in it twice`: {Key: "{user}{user}", C2C: "c2c_{peer}", Group: "group_{group}"},
		`--c2c "c2c_{user}": {peer} has to stand in it`:   {Key: "unread:{user}", C2C: "c2c_{user}", Group: "group_{group}"},
		`--group "": {group} has to stand in it`:          {Key: "unread:{user}", C2C: "c2c_{peer}"},
		"what is a group then?":                           {Key: "unread:{user}", C2C: "x{peer}", Group: "x{group}"},
	} {
		_, err := counts.OpenRedis(t.Context(), counts.RedisConfig{URL: "redis://127.0.0.1:1", Patterns: p})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %q", p, err, want)
		}
	}
	p := counts.Patterns{Key: "unread:{user}", C2C: "c2c_{peer}", Group: "group_{group}"}
	for url, want := range map[string]string{"http://127.0.0.1": "use one as redis://", "redis://127.0.0.1:1": "connect to the Redis at 127.0.0.1:1"} {
		if _, err := counts.OpenRedis(t.Context(), counts.RedisConfig{URL: url, Patterns: p}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", url, err)
		}
	}
}
