package row

import (
	"strings"

	"github.com/cespare/xxhash/v2"
)

// HomeID is the id by which rows are shared out: the group that a row belongs to, or the
// user of whose inbox's C2C part it is. So all rows of a log are at home in the same place,
// and all that a group keeps of its members, whatever family they are of. "": the row
// belongs to no log, or to more than one.
func HomeID(key string) string {
	rest := key[1:]
	switch key[0] {
	case Groups, Wanted:
		return rest
	case Members, Pieces, Trees, Followers, PendingReads:
		group, _, _ := strings.Cut(rest, "\x00")
		return group
	case Senders:
		return behind(rest)
	case Conversations, Timelines:
		if key[0] == Timelines {
			rest = rest[1:]
		}
		user, id, _ := strings.Cut(rest, "\x00")
		if id == "" || id[0] == 'c' {
			return withoutEra(user)
		}
		group, _, _ := strings.Cut(id[1:], "\x00")
		return group
	case Imports:
		return behind(rest)
	case Threads, Orders, Indexes, Pages, Blocks, Chunks, Directories:
		kind, owner := rest[0], rest[1:]
		id, more, _ := strings.Cut(owner, "\x00")
		if kind == 'm' {
			id, _, _ = strings.Cut(more, "\x00")
		}
		return withoutEra(id)
	}
	return ""
}

func withoutEra(name string) string {
	user, _, _ := strings.Cut(name, eraMark)
	return user
}

// Home is which of n places the rows of an id are at home in.
func Home(id string, n int) int { return int(xxhash.Sum64String(id) % uint64(n)) }
