package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/netschouw/netschouw/report"
)

// world is what a command has of the outside: its streams, its environment, and the wish to stop.
type world struct {
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer
	env    []string        // as os.Environ
	stop   <-chan struct{} // closed at the first Ctrl-C or SIGTERM: finish what is in hand. The second one ends the context
}

// Run is the whole command: results go to stdout, all else to stderr. It returns the exit status.
func Run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	ctx, stop, release := listen(ctx)
	defer release()
	w := &world{stdin: stdin, stdout: stdout, stderr: stderr, env: os.Environ(), stop: stop}
	err := w.run(ctx, args)
	end := ending(err)
	if err != nil && !end.quiet {
		w.complain(err)
	}
	return end.status
}

func (w *world) run(ctx context.Context, args []string) error {
	app := newApp(w)
	if text, wanted, err := helpFor(app, args); wanted {
		if err == nil {
			_, err = io.WriteString(w.stdout, text)
		}
		return err
	}
	args, err := arrange(app, args)
	if err != nil {
		return err
	}
	return app.RunContext(ctx, args)
}

func newApp(w *world) *cli.App {
	return &cli.App{
		Name:      "netschouw",
		Usage:     "inspect your own ranges for hosts that look like the misused server of 2024",
		HideHelp:  true, // help is ours (help.go): cli's would go to stdout for a mistake too
		Writer:    w.stdout,
		ErrWriter: w.stderr,
		// Left empty on purpose: the default calls os.Exit in the middle of things, so that nothing would be closed and
		// no test could see the status. The status is decided in exit.go, from the error that Run gets back.
		ExitErrHandler:  func(*cli.Context, error) {},
		OnUsageError:    usageFault,
		Action:          func(c *cli.Context) error { return unknownCommand(c.App.Commands, "netschouw", c.Args().First()) },
		Commands:        commands(w),
		HideVersion:     true,
		HideHelpCommand: true,
	}
}

// commands is the list of sub-commands, in the order of help.
func commands(w *world) []*cli.Command {
	return []*cli.Command{
		initCommand(w),
		scopeCommand(w),
		sweepCommand(w),
		checkCommand(w),
		rulesCommand(w),
		demoCommand(w),
		versionCommand(w),
		completionCommand(w),
	}
}

// complain tells what failed, and what to do about it.
func (w *world) complain(err error) {
	for i, line := range strings.Split(strings.TrimRight(err.Error(), "\n"), "\n") {
		if i == 0 {
			line = "netschouw: " + report.Terminal(line, 1000)
		} else {
			line = "  " + report.Terminal(strings.TrimSpace(line), 1000)
		}
		fmt.Fprintln(w.stderr, line) //nolint:errcheck // there is nowhere left to complain
	}
	if hint := hintOf(err); hint != "" {
		fmt.Fprintln(w.stderr, "hint: "+report.Terminal(hint, 1000)) //nolint:errcheck // as above
	}
}
