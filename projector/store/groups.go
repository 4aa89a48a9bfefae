package store

import (
	"slices"

	"reddot/events"
)

// Groups lists the groups whose member a user is, and some that are being swept,
// without reading the rows.
func (s *Snapshot) Groups(user string) (groups []string, err error) {
	defer catch(&err)
	prefix := append(conversationsPrefix(user), kindByte(events.Group))
	s.scan(prefix, func(rest, _ []byte) { groups = append(groups, string(rest)) })
	for _, k := range s.pending.Joined(user) {
		groups = append(groups, k.ID)
	}
	slices.Sort(groups)
	return slices.Compact(groups), nil
}
