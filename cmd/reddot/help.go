package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"
	xterm "golang.org/x/term"

	"reddot/api/docs"
	"reddot/cmd/reddot/term"
)

// The widths that pages are shown in: without a terminal, and at most.
const (
	pageWidth  = 80
	widestPage = 110
)

// helpTopics is the name of the index of the pages.
const helpTopics = "topics"

// helpCommand shows commands, as cobra's does, and pages.
func (a *app) helpCommand() *cobra.Command {
	var lang string
	cmd := &cobra.Command{
		Use:   "help [COMMAND | TOPIC]",
		Short: "Show how a command is used, or a page about a topic",
		Long: `Show how a command is used, or a page about a topic, or the chapter that has a word in
its heading. "reddot help topics" lists the topics. A server has the same pages at /docs/.`,
		Example: `  reddot help show
  reddot help topics
  reddot help quick-start
  reddot help restore
  reddot help --lang zh quick-start`,
		ValidArgsFunction: completeHelp,
		RunE: func(cmd *cobra.Command, args []string) error {
			l, err := docs.ParseLang(lang)
			if err != nil {
				return usagef("--lang: %w", err)
			}
			if l == docs.English && (len(args) == 0 || args[0] != helpTopics) {
				found, _, err := cmd.Root().Find(args)
				if err == nil {
					found.InitDefaultHelpFlag()
					found.InitDefaultVersionFlag()
					return found.Help()
				}
			}
			return a.showPage(l, args)
		},
	}
	cmd.Flags().StringVar(&lang, "lang", docs.English.String(), "`language` of pages: en or zh")
	return cmd
}

// showPage prints a page; without a name, or of topics, the index.
func (a *app) showPage(l docs.Lang, args []string) error {
	name := strings.Join(args, "-") // "help quick start"
	if name == helpTopics {
		name = ""
	}
	p, err := docs.Find(l, name)
	if errors.Is(err, fs.ErrNotExist) {
		if p, err := docs.FindChapter(l, name); err == nil {
			return a.print(p.Text(a.width()) + fmt.Sprintf("\nFrom \"reddot help %s\".\n", p.Name))
		}
		names, err := docs.Names(l)
		if err != nil {
			return err
		}
		return usagef("no command and no topic %q: the topics are %s", term.Printable(strings.Join(args, " ")), strings.Join(names, ", "))
	}
	if err != nil {
		return err
	}
	return a.print(p.Text(a.width()))
}

// width is how wide a page is shown.
func (a *app) width() int {
	if f, ok := a.stdout.(*os.File); ok {
		if w, _, err := xterm.GetSize(int(f.Fd())); err == nil && w > 0 {
			return min(max(w, 40), widestPage)
		}
	}
	return pageWidth
}

// completeHelp completes names of commands and topics.
func completeHelp(cmd *cobra.Command, args []string, _ string) (all []string, _ cobra.ShellCompDirective) {
	found, _, err := cmd.Root().Find(args)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	for _, c := range found.Commands() {
		if c.IsAvailableCommand() {
			all = append(all, fmt.Sprintf("%s\t%s", c.Name(), c.Short))
		}
	}
	if len(args) == 0 {
		groups, err := docs.Contents(docs.English)
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		for _, g := range groups {
			for _, topic := range g.Topics {
				all = append(all, fmt.Sprintf("%s\t%s", topic.Name, topic.Title))
			}
		}
		all = append(all, helpTopics)
	}
	return all, cobra.ShellCompDirectiveNoFileComp
}
