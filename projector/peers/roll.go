package peers

import (
	"fmt"
	"log/slog"
	"strings"
	"time"

	"reddot/events"
)

// sayEvery is how often the log says at most who is there: a forger can have many
// come and go.
const sayEvery = forgetAfter

// roll is what the log has said of who is there.
type roll struct {
	ids string
	at  time.Time // zero: nothing
}

// say has the log say who is there, if others are than it said last.
func (r *roll) say(log *slog.Logger, all []events.Peer, now time.Time) {
	var ids, names []string
	for _, p := range all {
		ids = append(ids, p.ID)
		names = append(names, fmt.Sprintf("%s pid %d, %s, applied %d", p.Host, p.PID, p.Role, p.Applied))
	}
	list := strings.Join(ids, " ")
	if list == r.ids || !r.at.IsZero() && now.Sub(r.at) < sayEvery {
		return
	}
	r.ids, r.at = list, now
	log.Info("other reddots of the log", "number", len(all), "are", strings.Join(names, "; "))
}
