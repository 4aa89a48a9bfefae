package main

import (
	"cmp"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"reddot/cmd/reddot/natsconn"
	"reddot/cmd/reddot/server"
	"reddot/cmd/reddot/term"
)

func (a *app) configCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "config",
		GroupID: groupServer,
		Short:   "Check what \"reddot serve\" is told to do",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.configCheck())
	return cmd
}

// setting is a flag of serve as it stands.
type setting struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	From  string `json:"from"` // default, file, environment or flag
}

func (a *app) configCheck() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Check the settings of serve, and show where each comes from",
		Long: `Take the flags, environment variables and file that "reddot serve" takes, check them
and the files that they name, and show what serve would do. Nothing is started, and
nothing is written. Exits with 2 if serve would refuse.`,
		Example: `  reddot config check --config /etc/reddot.yaml
  REDDOT_SYNC=always reddot config check --json`,
		Args: cobra.NoArgs,
	}
	cfg, logging := serveSettings(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := checkSettings(cmd.Flags(), cfg, logging); err != nil {
			return err
		}
		if _, err := server.New(*cfg); err != nil {
			return usageError{err}
		}
		var all []setting
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if f.Name != "help" && f.Name != "json" {
				all = append(all, setting{f.Name, shownValue(f), a.origin(f)})
			}
		})
		if asJSON {
			return a.printJSON(struct {
				Settings []setting `json:"settings"`
			}{all})
		}
		table := term.NewTable("SETTING", "VALUE", "FROM")
		for _, s := range all {
			table.Add(s.Name, s.Value, s.From)
		}
		return a.print(table.String())
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}

// shownValue is the value of a flag without secrets.
func shownValue(f *pflag.Flag) string {
	value := f.Value.String()
	if f.Name == "nats" && value != "" {
		value = natsconn.Redacted(value)
	}
	return value
}

// origin says where the value of a flag comes from.
func (a *app) origin(f *pflag.Flag) string {
	if !f.Changed {
		return "default"
	}
	return cmp.Or(a.from[f.Name], "flag")
}
