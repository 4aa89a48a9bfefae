package store

import (
	"bytes"
	"fmt"

	"reddot/events"
	"reddot/projector/store/row"
)

// What stands in a row, for people: see Check and Diff.

// nameRow says in words what the row with a key is about.
func nameRow(key []byte) string {
	if len(key) == 0 {
		return "row without a key"
	}
	if name := namer(key[0])(key); name != "" {
		return name
	}
	return fmt.Sprintf("unknown row %q", key)
}

func namer(family byte) func(key []byte) string {
	switch family {
	case row.Users:
		return row.NameUser
	case row.Conversations:
		return row.NameConversation
	case row.Groups:
		return row.NameGroup
	case row.Members:
		return row.NameMember
	case row.PendingReads:
		return row.NamePendingRead
	case row.Indexes:
		return row.NameIndex
	case row.Pages:
		return row.NamePage
	case row.Blocks:
		return row.NameBlock
	case row.Chunks:
		return row.NameChunk
	case row.Directories:
		return row.NameDirectory
	case row.Outbox:
		return row.NameOutbox
	case row.Sweeps:
		return row.NameSweep
	case row.Progress:
		return row.NameProgress
	case row.Meta:
		return nameMeta
	}
	return func([]byte) string { return "" }
}

func nameMeta(key []byte) string {
	switch {
	case bytes.Equal(key, keyIdentity):
		return "stream of the store"
	case bytes.Equal(key, keyPosition):
		return "position"
	case bytes.Equal(key, keyEmitted):
		return "emitted position"
	}
	return ""
}

// readRow reads what stands in a row.
func readRow(key, value []byte) (c row.Contents, err error) {
	if len(key) == 0 {
		return c, row.ErrCorruptRow
	}
	switch key[0] {
	case row.Users:
		return readAs(userRows, row.Plain, key, value)
	case row.Conversations:
		return readAs(conversationRows, row.ConversationContents, key, value)
	case row.Groups:
		return readAs(groupRows, row.LogContents, key, value)
	case row.Members:
		return readAs(memberRows, row.Plain, key, value)
	case row.Indexes:
		return readAs(indexRows, row.Plain, key, value)
	case row.Pages:
		return readAs(pageRows, row.PageContents, key, value)
	case row.Blocks:
		return readAs(blockRows, row.Plain, key, value)
	case row.Chunks:
		return readAs(bucketRows, row.Plain, key, value)
	case row.Directories:
		return readAs(directoryRows, row.Plain, key, value)
	case row.PendingReads:
		return readAs(waiterRows, row.Plain, key, value)
	case row.Sweeps:
		return readAs(sweepRows, row.Plain, key, value)
	case row.Progress:
		return readAs(progressRows, row.Plain, key, value)
	case row.Outbox:
		c.Fields, err = decodeOut(0, value)
		return c, err
	case row.Meta:
		c.Fields, err = decodeMeta(key, value)
		return c, err
	}
	return c, row.ErrCorruptRow
}

func readAs[R any](c codec[R], read func(key string, r *R) (row.Contents, error), key, value []byte) (row.Contents, error) {
	r, err := c.decode(string(key), string(value))
	if err != nil {
		return row.Contents{}, err
	}
	return read(string(key), r)
}

func decodeMeta(key, value []byte) (any, error) {
	switch {
	case bytes.Equal(key, keyIdentity):
		return decodeIdentity(value)
	case bytes.Equal(key, keyPosition):
		return decodePosition(value)
	case bytes.Equal(key, keyEmitted):
		return row.DecodeNumber[events.Seq]("", string(value))
	}
	return nil, row.ErrCorruptRow
}
