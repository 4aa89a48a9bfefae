package main

import (
	"errors"
	"strconv"

	"reddot/projector/log"
)

// acceptance is the flag --accept-truncation: how many commands may be missing; 0: none.
type acceptance uint64

// Set reads the flag.
func (a *acceptance) Set(text string) error {
	switch text {
	case "true":
		*a = log.MostMissing
	case "false":
		*a = 0
	default:
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			return errors.New("use true or false, or the number of missing commands that the error names")
		}
		*a = acceptance(n)
	}
	return nil
}

// String is the flag's text.
func (a *acceptance) String() string {
	if *a == 0 {
		return "false"
	}
	return strconv.FormatUint(uint64(*a), 10)
}

// Type is the flag's type in the help.
func (a *acceptance) Type() string { return "acceptance" }
