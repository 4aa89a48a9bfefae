package store

import "reddot/events"

// Groups lists the groups whose member a user is, and some that are being swept,
// without reading the rows.
func (s *Snapshot) Groups(user string) (groups []string, err error) {
	defer catch(&err)
	prefix := append(conversationsPrefix(user), kindByte(events.Group))
	s.scan(prefix, func(rest, _ []byte) { groups = append(groups, string(rest)) })
	return groups, nil
}
