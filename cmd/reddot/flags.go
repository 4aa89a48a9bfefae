package main

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"reddot/events"
)

// timeFlag is a flag for a time: written as people do, in the user's zone unless
// it says another, or in Unix milliseconds.
type timeFlag struct {
	at  *events.Time
	has *bool
	app *app // whose zone it is
}

func (f *timeFlag) Type() string { return "time" }

func (f *timeFlag) String() string {
	if f.has == nil || !*f.has {
		return ""
	}
	return strconv.FormatInt(int64(*f.at), 10)
}

func (f *timeFlag) Set(s string) error {
	ms, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		at, ok := parseTime(s, f.app.zone)
		if !ok {
			return errors.New("use a time as in 2026-11-23T18:00:00Z, or Unix milliseconds")
		}
		ms = at.UnixMilli()
	}
	if ms < 0 || ms > int64(events.MaxTime) {
		return errors.New("use a time from 1970 on, in milliseconds below 2^53")
	}
	*f.at, *f.has = events.Time(ms), true
	return nil
}

// parseTime reads a time in one of the ways that people write it.
func parseTime(s string, zone *time.Location) (time.Time, bool) {
	for _, layout := range pastTimes {
		if at, err := time.ParseInLocation(layout, s, zone); err == nil {
			return at, true
		}
	}
	return time.Time{}, false
}

// wordFlag is a flag that takes one of a few words.
type wordFlag[W fmt.Stringer] struct {
	to    *W
	parse func(string) (W, error)
}

func (f *wordFlag[W]) Type() string { return "word" }

func (f *wordFlag[W]) String() string {
	if f.to == nil {
		return ""
	}
	return (*f.to).String()
}

func (f *wordFlag[W]) Set(s string) error {
	w, err := f.parse(s)
	if err != nil {
		return err
	}
	*f.to = w
	return nil
}
