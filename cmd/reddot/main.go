package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"reddot/cmd/reddot/datadir"
)

func main() {
	datadir.Umask()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
