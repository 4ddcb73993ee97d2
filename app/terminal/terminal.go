// Package terminal holds the commands of the burble binary: the window is one of them.
package terminal

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"

	"burble/app"
)

// Exit codes.
const (
	exitOK     = 0
	exitError  = 1
	exitUsage  = 2
	exitRaised = 3 // a template raised an exception (burble debug render)
)

// Window opens the window, with a model's file or "", and returns when it is closed: app.ErrNoDisplay where
// it can't be shown. A build without Fyne has none.
type Window func(file string) error

// streams are a command's input and output.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// command is one of burble's commands.
type command struct {
	name  string
	usage string // arguments, after the name
	does  string // one line
	run   runFunc
}

type runFunc func(ctx context.Context, s streams, c command, args []string) error

var commands = []command{
	{"chat", "[-m MODEL | --server URL [--model NAME]] [-p PROMPT] [--system S] [--temp T] [--seed N] [-n N] [--device auto|cpu|gpu]", "chat in the terminal; with -p, print one answer", runChat},
	{"export", "[--format json|markdown|sharegpt] [--chat ID | --folder NAME] [-o FILE] [--list]", "write chats to a file", cancellable(runExport)},
	{"import", "FILE…", "import chats of Burble, LM Studio, Open WebUI, ChatGPT or ShareGPT", cancellable(runImport)},
	{"info", "MODEL [--json] [--tensors]", "describe a model file", runInfo},
	{"pull", "OWNER/NAME[:QUANT] [--list]", "download a model from Hugging Face; it goes on where it was left", cancellable(runPull)},
	{"devices", "[--json] [--report FILE]", "list what can run a model", runDevices},
	{"bench", "-m MODEL [-p 512] [-n 128] [-d 0] [-r 5] [-t THREADS] [--device auto|cpu|gpu] [--json]", "measure speed and memory", cancellable(runBench)},
	{"perplexity", "-m MODEL -f FILE [-c 512]", "measure how well a model predicts a text", cancellable(runPerplexity)},
	{"debug", "tokenize|render|logits|dequantize|synth …", "tools for testing", runDebug},
	{"version", "", "print the version", runVersion},
}

// Main runs the command that args name, or the window, and returns the exit code.
func Main(args []string, window Window) int {
	return Run(context.Background(), args, window, os.Stdin, os.Stdout, os.Stderr)
}

// interruptible returns a context that ends with the first Ctrl+C. The second one ends the process, whatever hangs.
func interruptible(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}

// cancellable lets Ctrl+C end a command that has a model to close.
func cancellable(run runFunc) runFunc {
	return func(ctx context.Context, s streams, c command, args []string) error {
		ctx, stop := interruptible(ctx)
		defer stop()
		return run(ctx, s, c, args)
	}
}

// Run is Main with its surroundings passed in.
func Run(ctx context.Context, args []string, window Window, in io.Reader, out, errOut io.Writer) int {
	s := streams{in, out, errOut}
	err := dispatch(ctx, s, args, window)
	var usage usageError
	var raised raisedError
	switch {
	case err == nil || errors.Is(err, flag.ErrHelp):
		return exitOK
	case errors.As(err, &raised):
		fmt.Fprintf(errOut, "burble: %v\n", err)
		return exitRaised
	case errors.As(err, &usage):
		fmt.Fprintf(errOut, "burble: %v\n", err)
		return exitUsage
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(errOut, "burble: interrupted")
		return exitError
	}
	fmt.Fprintf(errOut, "burble: %v\n", err)
	return exitError
}

func dispatch(ctx context.Context, s streams, args []string, window Window) error {
	if len(args) > 0 {
		switch args[0] {
		case "help", "-h", "-help", "--help":
			if len(args) == 2 {
				for _, c := range commands {
					if c.name == args[1] {
						return c.run(ctx, s, c, []string{"-h"})
					}
				}
			}
			printHelp(s.out)
			return nil
		}
		for _, c := range commands {
			if c.name == args[0] {
				return c.run(ctx, s, c, args[1:])
			}
		}
		if args[0] == "--version" || args[0] == "-version" {
			return runVersion(ctx, s, command{}, nil)
		}
		if strings.HasPrefix(args[0], "-") || len(args) > 1 {
			return usageError(fmt.Sprintf("unknown command %q; see burble help", args[0]))
		}
		if _, err := os.Stat(args[0]); err != nil {
			return usageError(fmt.Sprintf("%q is neither a command nor a file; see burble help", args[0]))
		}
	}
	file := ""
	if len(args) == 1 {
		file = args[0]
	}
	if window == nil {
		fmt.Fprintln(s.err, "This build has no window; opening the terminal chat.")
		return openChat(ctx, s, file)
	}
	if !displayed() {
		fmt.Fprintln(s.err, "There is no display to open a window on (DISPLAY and WAYLAND_DISPLAY are empty); opening the terminal chat.")
		return openChat(ctx, s, file)
	}
	err := window(file)
	if errors.Is(err, app.ErrNoDisplay) {
		fmt.Fprintf(s.err, "No window can be opened on the display %s; opening the terminal chat.\n", cmp.Or(os.Getenv("WAYLAND_DISPLAY"), os.Getenv("DISPLAY")))
		return openChat(ctx, s, file)
	}
	return err
}

func openChat(ctx context.Context, s streams, file string) error {
	var args []string
	if file != "" {
		args = []string{"-m", file}
	}
	for _, c := range commands {
		if c.name == "chat" {
			return runChat(ctx, s, c, args)
		}
	}
	return nil
}

func printHelp(w io.Writer) {
	fmt.Fprintf(w, "Burble chats with language models that run on this machine.\n\n")
	fmt.Fprintf(w, "  burble [FILE.gguf]\n        open the window, with a model\n")
	for _, c := range commands {
		fmt.Fprintf(w, "  burble %s\n        %s\n", strings.TrimSpace(c.name+" "+c.usage), c.does)
	}
	fmt.Fprintf(w, "\nburble COMMAND -h lists the options of a command.\n")
}

// usageError is a mistake in the command line.
type usageError string

func (e usageError) Error() string { return string(e) }

// raisedError is a template that raised an exception, or could not be parsed or rendered.
type raisedError struct{ err error }

func (e raisedError) Error() string { return e.err.Error() }
func (e raisedError) Unwrap() error { return e.err }

// flags makes the flag set of a command.
func (c command) flags(s streams) *flag.FlagSet {
	fs := flag.NewFlagSet(c.name, flag.ContinueOnError)
	fs.SetOutput(s.out)
	fs.Usage = func() {
		fmt.Fprintf(s.out, "usage: burble %s %s\n\n%s.\n\n", c.name, c.usage, strings.ToUpper(c.does[:1])+c.does[1:])
		fs.PrintDefaults()
	}
	return fs
}

// parse reads flags before, between and after the positional arguments, and wants exactly so many of those.
func parse(fs *flag.FlagSet, args []string, positional ...*string) error {
	out := fs.Output()
	fs.SetOutput(io.Discard) // an error is reported once, by Run
	usage := fs.Usage
	fs.Usage = func() {}
	for n := 0; ; n++ {
		if err := fs.Parse(args); err != nil {
			if errors.Is(err, flag.ErrHelp) {
				fs.SetOutput(out)
				usage()
				return err
			}
			return usageError(err.Error() + "; see burble " + fs.Name() + " -h")
		}
		args = fs.Args()
		switch {
		case len(args) == 0 && n < len(positional):
			return usageError("something is missing; see burble " + fs.Name() + " -h")
		case len(args) == 0:
			return nil
		case n == len(positional):
			return usageError(fmt.Sprintf("%q is too much; see burble %s -h", args[0], fs.Name()))
		}
		*positional[n], args = args[0], args[1:]
	}
}
