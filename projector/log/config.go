package log

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"reddot/events"
)

// ErrNotWhole is wrapped by every error that says that the command stream is not
// the whole log that a projection needs.
var ErrNotWhole = errors.New("the command stream is not whole")

// maxMessage is the largest message that the command stream takes, in bytes: its
// payload and its headers. A command's payload is at most a quarter of it; one
// that is larger is refused, but may be stored first, so that who sent it is notified.
const maxMessage = 1 << 20

// description is the stream's.
const description = "reddot: the commands, from which everything else follows"

// duplicates is how long the stream knows the id of a command: as long as a
// user's key names one.
const duplicates = 2 * time.Minute

// commandStream is the configuration of a new command stream on a number of
// servers. Nothing in it discards a command. Deletion is denied; purging is not,
// since that could never be taken back and would forbid trimming.
func commandStream(s events.Subjects, replicas int) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:              s.CommandStream(),
		Description:       description,
		Subjects:          []string{s.Commands()},
		Retention:         jetstream.LimitsPolicy,
		Storage:           jetstream.FileStorage,
		Replicas:          replicas,
		Discard:           jetstream.DiscardNew,
		MaxMsgs:           -1,
		MaxBytes:          -1,
		MaxMsgSize:        maxMessage,
		MaxMsgsPerSubject: -1,
		DenyDelete:        true,
		Duplicates:        duplicates,
		Metadata:          map[string]string{metadataBegun: time.Now().UTC().Format(time.RFC3339Nano)},
	}
}

// checkStream refuses a configuration that could lose, change or reorder
// commands. What an operator may choose (replicas, placement, compression,
// the window for duplicates) is left alone.
func checkStream(s events.Subjects, c jetstream.StreamConfig) error {
	// Stream names are in upper case: prefixes that differ in nothing else would
	// share them.
	if len(c.Subjects) == 1 && c.Subjects[0] != s.Commands() && strings.EqualFold(c.Subjects[0], s.Commands()) {
		return fmt.Errorf("%w: stream %s is that of the prefix %s, and this reddot has %s: choose a prefix that differs in more than upper and lower case",
			ErrNotWhole, c.Name, strings.TrimSuffix(c.Subjects[0], ".cmd.>"), s.Prefix())
	}
	var drifted []string
	edit := "nats stream edit " + c.Name
	for _, f := range []struct {
		field string
		ok    bool
		want  string
		flag  string // of nats stream edit; "": it is not known, or has none
	}{
		{"subjects", slices.Equal(c.Subjects, []string{s.Commands()}), s.Commands(), ""},
		{"retention", c.Retention == jetstream.LimitsPolicy, "limits", ""},
		{"storage", c.Storage == jetstream.FileStorage, "file", ""},
		{"max_msgs", c.MaxMsgs <= 0, "-1", "--max-msgs=-1"},
		{"max_bytes", c.MaxBytes <= 0, "-1", "--max-bytes=-1"},
		{"max_age", c.MaxAge == 0, "0", "--max-age=0s"},
		{"max_msgs_per_subject", c.MaxMsgsPerSubject <= 0, "-1", "--max-msgs-per-subject=-1"},
		{"max_msg_size", c.MaxMsgSize == maxMessage, strconv.Itoa(maxMessage), "--max-msg-size=" + strconv.Itoa(maxMessage)},
		{"deny_delete", c.DenyDelete, "true", "--deny-delete"},
		{"allow_rollup_hdrs", !c.AllowRollup, "false", ""},
		{"allow_msg_ttl", !c.AllowMsgTTL, "false", ""},
		{"allow_msg_counter", !c.AllowMsgCounter, "false", ""},
		{"allow_msg_schedules", !c.AllowMsgSchedules, "false", ""},
		{"subject_transform", c.SubjectTransform == nil, "none", ""},
		{"mirror", c.Mirror == nil, "none", ""},
		{"sources", len(c.Sources) == 0, "none", ""},
		{"sealed", !c.Sealed, "false", ""},
		{"no_ack", !c.NoAck, "false", ""},
		{"persist_mode", c.PersistMode == jetstream.DefaultPersistMode, "default", ""},
	} {
		if f.ok {
			continue
		}
		drifted = append(drifted, f.field+" must be "+f.want)
		if f.flag != "" {
			edit += " " + f.flag
		}
	}
	if drifted == nil {
		return nil
	}
	return fmt.Errorf("%w: the configuration of %s has drifted: %s; set it back with %q",
		ErrNotWhole, c.Name, strings.Join(drifted, ", "), edit)
}

// unbounded reports whether a stream is one that an older reddot has made, which
// gave it no bound for messages.
func unbounded(c jetstream.StreamConfig) bool {
	return c.MaxMsgSize == -1 && c.Description == description && c.Metadata[metadataBegun] == ""
}

// TrimmedError says that the log does not reach back to what a store needs.
// It is an ErrNotWhole.
type TrimmedError struct {
	First events.Seq // of the log
	Need  events.Seq // the store's next
}

func (e *TrimmedError) Error() string {
	return fmt.Sprintf("%v: it begins at seq %d, but the store needs seq %d next: the commands between are gone; restore a snapshot of seq %d or later",
		ErrNotWhole, e.First, e.Need, e.First-1)
}

func (e *TrimmedError) Unwrap() error { return ErrNotWhole }

// AlteredError says that the log's commands up to a seq are not those of which
// something was made, although none is missing: a bit of a stored message that
// no checksum covers has changed, or somebody changed the files. It is an ErrNotWhole.
type AlteredError struct {
	Seq events.Seq
	By  string // what is derived from them, such as "the store"
}

func (e *AlteredError) Error() string {
	return fmt.Sprintf("%v: some of the commands up to seq %d are not those of which %s was made: they were altered in the stream's files; restore the stream, and build nothing of it before",
		ErrNotWhole, e.Seq, e.By)
}

func (e *AlteredError) Unwrap() error { return ErrNotWhole }

// CheckRange refuses a stream that does not hold what a store needs next.
func CheckRange(applied, first, last events.Seq) error {
	switch {
	case last < applied:
		return &TruncatedError{Last: last, Derived: applied, By: "the store"}
	case first > applied+1:
		return &TrimmedError{First: first, Need: applied + 1}
	}
	return nil
}
