package main

import (
	"strings"

	"github.com/spf13/cobra"
)

// argumentsOf checks the number of arguments by a usage line: NAME must be there,
// [NAME] may be, and NAME... is one or more.
func argumentsOf(use string) cobra.PositionalArgs {
	names := strings.Fields(use)[1:]
	least, many := 0, false
	for _, name := range names {
		if !strings.HasPrefix(name, "[") {
			least++
		}
		many = many || strings.HasSuffix(name, "...")
	}
	if many {
		return cobra.MinimumNArgs(least)
	}
	return cobra.RangeArgs(least, len(names))
}
