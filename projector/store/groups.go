package store

import (
	"slices"

	"reddot/events"
	"reddot/projector/store/row"
)

// Groups lists the groups whose member a user is, and some that are being swept,
// without reading the rows.
func (s *Snapshot) Groups(user string) (groups []string, err error) {
	defer catch(&err)
	prefix := row.ConversationsOfKind(user, events.Group)
	s.scan(prefix, func(rest, _ []byte) { groups = append(groups, string(rest)) })
	for _, k := range s.rows.left.Joined(user) {
		groups = append(groups, k.ID)
	}
	slices.Sort(groups)
	return slices.Compact(groups), nil
}
