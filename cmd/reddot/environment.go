package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// environmentPrefix begins the name of the environment variable of each flag.
const environmentPrefix = "REDDOT_"

// variable is the environment variable of a flag.
func variable(flag string) string {
	return environmentPrefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// formerName is what a flag was called in the release before this one, which takes that
// as well, and its environment variable; empty: as now.
func formerName(flag string) string {
	if flag == "accept-truncation" {
		return "accept-cut"
	}
	return ""
}

// renamed has a command take its flags by their former names.
func renamed(cmd *cobra.Command) {
	now := map[string]string{}
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if former := formerName(f.Name); former != "" {
			now[former] = f.Name
		}
	})
	cmd.Flags().SetNormalizeFunc(func(_ *pflag.FlagSet, name string) pflag.NormalizedName {
		return pflag.NormalizedName(cmp.Or(now[name], name))
	})
}

// lookupVariable is the environment variable of a flag that says something: by its name
// or by its former one.
func lookupVariable(flag string) (name, value string) {
	for _, flag := range []string{flag, formerName(flag)} {
		if flag == "" {
			continue
		}
		if name = variable(flag); os.Getenv(name) != "" {
			return name, os.Getenv(name)
		}
	}
	return variable(flag), ""
}

// readEnvironment sets the flags of a command that are not given from their
// environment variables; an empty one is as good as none.
func (a *app) readEnvironment(cmd *cobra.Command) error {
	var err error
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		name, value := lookupVariable(f.Name)
		if f.Changed || value == "" || f.Name == "help" || f.Name == "version" || err != nil {
			return
		}
		var wrong *pflag.InvalidValueError
		if e := cmd.Flags().Set(f.Name, value); errors.As(e, &wrong) {
			err = usageError{valueError(name, wrong)}
		} else if e != nil {
			err = usagef("%s: %w", name, e)
		}
		a.from[f.Name] = "environment"
	})
	return err
}

// flagError says in the words of the other errors what is wrong with a flag.
func flagError(_ *cobra.Command, err error) error {
	if wrong, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		return valueError("--"+wrong.GetFlag().Name, wrong)
	}
	return err
}

// valueError is about the value of a flag, or of its environment variable.
func valueError(name string, e *pflag.InvalidValueError) error {
	value := e.GetValue()
	switch e.GetFlag().Value.Type() {
	case "duration":
		if strings.Trim(value, "0123456789.") == "" {
			return fmt.Errorf("%s %q has no unit: use %ss, %sm or %sh", name, value, value, value, value)
		}
		return fmt.Errorf("%s %q: use a time with its unit, as 500ms, 10s, 5m or 1h", name, value)
	case "int", "int64", "uint", "uint64":
		return fmt.Errorf("%s %q: use a whole number", name, value)
	case "float64":
		return fmt.Errorf("%s %q: use a number", name, value)
	case "bool":
		return fmt.Errorf("%s %q: use true or false", name, value)
	}
	return fmt.Errorf("%s %q: %w", name, value, e.Unwrap())
}
