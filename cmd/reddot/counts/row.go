package counts

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"reddot/events"
)

// Row is what another system says of one conversation.
type Row struct {
	Line         int // of the file, from 1; 0: it is of no file
	User         string
	Conversation events.ConversationID
	Unread       uint64

	Mentions uint64
	ReadAt   events.Time
	Last     events.LastMessage // zero: it says nothing of it
	Muted    bool
	Labels   []string

	HasMentions, HasReadAt, HasMuted, HasLabels bool
}

// RowError says what is wrong with one row, and where it stands. Reading may go on.
type RowError struct {
	Place string // as "line 7"
	Err   error
}

func (e *RowError) Error() string { return e.Place + ": " + e.Err.Error() }
func (e *RowError) Unwrap() error { return e.Err }

// UnknownField is the error of a field that rows don't have.
type UnknownField struct{ Name string }

func (e *UnknownField) Error() string { return fmt.Sprintf("unknown field %q", e.Name) }

// The fields that a row can't be without, and the others.
const (
	fieldUser         = "user"
	fieldConversation = "conversation"
	fieldUnread       = "unread"
	fieldMentions     = "mentions"
	fieldReadAt       = "read_at"
	fieldLastID       = "last_id"
	fieldLastFrom     = "last_from"
	fieldLastAt       = "last_at"
	fieldMuted        = "muted"
	fieldLabels       = "labels"
)

// Fields are the names of a row's fields.
func Fields() []string {
	return []string{fieldUser, fieldConversation, fieldUnread, fieldMentions, fieldReadAt, fieldLastID, fieldLastFrom, fieldLastAt, fieldMuted, fieldLabels}
}

// labelSeparator stands between two labels of CSV.
const labelSeparator = "|"

// set takes a field's text, which is not empty. The name is one of Fields.
func (r *Row) set(name, text string) (err error) {
	switch name {
	case fieldUser:
		r.User = text
	case fieldConversation:
		if r.Conversation, err = events.ParseConversation(text); err != nil {
			return fmt.Errorf("conversation %q: %w: use c2c_PEER or group_GROUP", text, err)
		}
	case fieldUnread:
		r.Unread, err = parseCount(name, text)
	case fieldMentions:
		r.HasMentions = true
		r.Mentions, err = parseCount(name, text)
	case fieldReadAt:
		r.HasReadAt = true
		r.ReadAt, err = parseTime(name, text)
	case fieldLastID:
		r.Last.ID = text
	case fieldLastFrom:
		r.Last.From = text
	case fieldLastAt:
		r.Last.At, err = parseTime(name, text)
	case fieldMuted:
		r.HasMuted = true
		if r.Muted, err = strconv.ParseBool(text); err != nil {
			return fmt.Errorf("muted %q: use true or false", text)
		}
	case fieldLabels:
		r.setLabels(strings.Split(text, labelSeparator))
	}
	return err
}

func (r *Row) setLabels(labels []string) {
	r.HasLabels = true
	r.Labels = labels
}

// parseCount reads a number of messages.
func parseCount(name, text string) (uint64, error) {
	n, err := strconv.ParseUint(text, 10, 64)
	switch {
	case err == nil:
		return n, nil
	case errors.Is(err, strconv.ErrRange):
		return 0, fmt.Errorf("%s %s is too large", name, text)
	case strings.HasPrefix(text, "-"):
		if _, err := strconv.ParseInt(text, 10, 64); err == nil {
			return 0, fmt.Errorf("%s %s is negative", name, text)
		}
	}
	return 0, fmt.Errorf("%s %q is not a whole number", name, text)
}

// Times of this century in seconds, as milliseconds, are of January to April 1970.
const (
	firstSeconds events.Time = 900_000_000
	lastSeconds  events.Time = 9_999_999_999
)

// parseTime reads a time in one of its two forms. One that can't be meant is an error: an
// import is not done twice.
func parseTime(name, text string) (events.Time, error) {
	ms, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		at, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			return 0, fmt.Errorf("%s %q: use Unix milliseconds, or a time as in 2026-11-23T18:00:00Z", name, text)
		}
		ms = at.UnixMilli()
	}
	at := events.Time(ms)
	switch {
	case ms < 0 || ms > int64(events.MaxTime):
		return 0, fmt.Errorf("%s %s: use a time from 1970 on, in milliseconds below 2^53", name, text)
	case at >= firstSeconds && at <= lastSeconds:
		return 0, fmt.Errorf("%s %s is in the year 1970: times are in milliseconds, is this one in seconds?", name, text)
	}
	return at, nil
}

// whole reports what a row lacks.
func (r *Row) whole(has func(name string) bool) error {
	for _, name := range []string{fieldUser, fieldConversation, fieldUnread} {
		if !has(name) {
			return fmt.Errorf("%s is missing", name)
		}
	}
	if err := events.CheckID(fieldUser, r.User); err != nil {
		return err
	}
	last := []string{fieldLastID, fieldLastFrom, fieldLastAt}
	if slices.ContainsFunc(last, has) {
		for _, name := range last {
			if !has(name) {
				return fmt.Errorf("%s is missing: last_id, last_from and last_at go together", name)
			}
		}
	}
	return nil
}
