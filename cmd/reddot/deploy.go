package main

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"reddot/cmd/reddot/deploy"
	"reddot/cmd/reddot/term"
)

func (a *app) deployCommand() *cobra.Command {
	var to string
	cmd := &cobra.Command{
		Use:     "deploy [NAME]",
		GroupID: groupServer,
		Short:   "Print the files with which reddot is deployed",
		Long: `Print a file with which reddot is deployed: an image, a service, a proxy in front, a
board, alerts. Without a name it lists what there is. With --to the file, or all of a
folder, is written into a folder; without a name everything is.`,
		Example: `  reddot deploy
  reddot deploy reddot.service > /etc/systemd/system/reddot.service
  reddot deploy kubernetes --to base
  reddot deploy --to .`,
		Args: cobra.MaximumNArgs(1),
		ValidArgsFunction: func(*cobra.Command, []string, string) (names []string, _ cobra.ShellCompDirective) {
			for _, item := range deploy.Items() {
				names = append(names, item.Name)
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			name := "."
			if len(args) > 0 {
				name = args[0]
			}
			if to != "" {
				return a.writeDeployed(to, name)
			}
			if name == "." {
				return a.listDeployed()
			}
			content, err := deploy.Read(name)
			switch {
			case slices.ContainsFunc(deploy.Items(), func(i deploy.Item) bool { return i.Folder && i.Name == strings.TrimSuffix(name, "/") }):
				return usagef("%s is a folder of files: say where they are to be written, with --to", name)
			case err != nil:
				return noSuchFile(name)
			}
			return a.print(string(content))
		},
	}
	cmd.Flags().StringVar(&to, "to", "", "`folder` that is written to; files that are there already stay as they are")
	return cmd
}

func noSuchFile(name string) error {
	return usagef("there is no %s: \"reddot deploy\" lists what there is", term.Printable(name))
}

// listDeployed lists what can be printed or written.
func (a *app) listDeployed() error {
	table := term.NewTable("NAME", "WHAT IT IS")
	for _, item := range deploy.Items() {
		table.Add(item.Name, item.About)
	}
	return a.print(table.String())
}

// writeDeployed writes files.
func (a *app) writeDeployed(to, name string) error {
	written, err := deploy.Write(to, name)
	for _, file := range written {
		fmt.Fprintln(a.stdout, file)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist) && len(written) == 0:
		return noSuchFile(name)
	case errors.Is(err, fs.ErrExist):
		return fmt.Errorf("%w: remove it, or name another folder with --to", err)
	}
	return err
}
