// Build makes the guide, Burble's built-in model, out of its texts: see ../README.md.
//
//	build prepare -out DIR     questions by the million, a vocabulary, and both as tokens for train.py
//	build pack -in DIR -out F  the weights that train.py left in DIR, as a GGUF file
//	build requantise -m F -out G  the model in F with matrices as small as pack makes them
//	build evaluate             how many of the held-out questions the guide answers right, or the model -m
//	build overlap              which of them the generator would make, which must be none
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"

	builtin "burble/assets/guide"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "guide:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return errors.New("usage: build prepare|pack|requantise|evaluate|overlap [options]")
	}
	fs := flag.NewFlagSet(args[0], flag.ContinueOnError)
	root := fs.String("guide", "assets/guide", "`FOLDER` of the texts")
	in := fs.String("in", "/tmp/guide", "`FOLDER` with prepared data and weights")
	out := fs.String("out", "", "`FOLDER` or file to write")
	model := fs.String("m", "", "model `FILE` (default: the built-in guide)")
	perFact := fs.Int("n", 12000, "questions for each fact")
	outside := fs.Int("outside", 800000, "questions to decline")
	set := fs.String("set", "evaluation", "questions to ask: evaluation, or development")
	verbose := fs.Bool("v", false, "print the questions that are answered wrong")
	if err := fs.Parse(args[1:]); err != nil {
		return err
	}
	if *model == "" && (args[0] == "evaluate" || args[0] == "requantise") {
		dir, err := os.MkdirTemp("", "guide-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		if *model, err = builtin.Install(dir); err != nil {
			return err
		}
	}
	switch args[0] {
	case "prepare":
		return prepare(*root, *out, *perFact, *outside)
	case "pack":
		return pack(*in, *out)
	case "requantise":
		return requantise(*model, *out)
	case "evaluate":
		return evaluate(ctx, *root, *set, *model, *verbose)
	case "overlap":
		return overlap(*root, *set, *perFact, *outside)
	}
	return fmt.Errorf("unknown command %q", args[0])
}
