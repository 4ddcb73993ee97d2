package terminal

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/mattn/go-isatty"

	"burble/app"
	"burble/assets/guide"
	"burble/inference"
	"burble/inference/chat"
	"burble/inference/sample"
)

func runChat(ctx context.Context, s streams, c command, args []string) error {
	fs := c.flags(s)
	path := fs.String("m", "", "model `FILE`; without it, the last one used, or the first in the models folder")
	promptText := fs.String("p", "", "answer this `PROMPT` and end; - reads it from standard input")
	system := fs.String("system", "", "system message")
	params := sample.Defaults()
	temp := fs.Float64("temp", decimal(params.Temperature), "temperature; 0 always takes the likeliest token")
	topK := fs.Int("top-k", params.TopK, "sample from the `K` likeliest tokens; 0: all")
	topP := fs.Float64("top-p", decimal(params.TopP), "sample from the likeliest tokens that make up `P`")
	minP := fs.Float64("min-p", decimal(params.MinP), "leave out tokens less likely than `P` times the likeliest")
	seed := fs.Int64("seed", -1, "random seed; -1 chooses one")
	most := fs.Int("n", 0, "tokens of an answer at most; 0: as many as fit")
	lookup := fs.Int("lookup", 0, "guess up to `N` tokens from the conversation at a time; the answer is the same")
	place := placementFlags(fs)
	server, served := serverFlags(fs)
	if err := parse(fs, args); err != nil {
		return err
	}
	params.Temperature, params.TopK, params.TopP, params.MinP = float32(*temp), *topK, float32(*topP), float32(*minP)
	if *seed >= 0 {
		n := uint64(*seed)
		params.Seed = &n
	}
	if err := params.Validate(); err != nil {
		return usageError(err.Error())
	}
	quiet := given(fs, "p")
	if *server != "" && *path != "" {
		return usageError("-m names a file on this machine; name the model of a server with --model")
	}
	if *served != "" && *server == "" {
		return usageError("--model names a model of a server, which --server names; -m names a file")
	}
	var file string
	var isGuide bool
	if *server == "" {
		var err error
		if file, isGuide, err = modelPath(s, *path); err != nil {
			return err
		}
	}
	where := place()
	if isGuide { // tiny, and only its likeliest words are any good
		where.Device = "cpu"
		if !given(fs, "temp") {
			params.Temperature = 0
		}
		params.LogitBias = map[int32]float32{guide.Declining: guide.Doubt}
	}
	if *promptText == "-" {
		b, err := io.ReadAll(s.in)
		if err != nil {
			return fmt.Errorf("reading the prompt: %w", err)
		}
		*promptText = string(b)
	}
	if quiet && strings.TrimSpace(*promptText) == "" {
		return usageError("the prompt is empty; leave -p out to chat")
	}
	var engine app.Engine
	if *server != "" {
		asking, ref, end, err := openServer(context.WithoutCancel(ctx), *server, *served)
		if err != nil {
			return usageError(err.Error())
		}
		defer end()
		engine, file = asking, ref
	} else {
		engine = inference.Start(context.WithoutCancel(ctx), inference.Options{})
		defer engine.Close()
	}
	t := talk{
		s: s, engine: engine, quiet: quiet,
		request: inference.Request{Sampling: params, MaxTokens: *most, Lookup: *lookup, Overflow: inference.DropOldest},
	}
	if *system != "" {
		t.request.Messages = append(t.request.Messages, chat.Message{Role: chat.System, Content: *system})
	}
	loading, stop := interruptible(ctx)
	defer stop()
	if err := t.load(loading, file, where); err != nil {
		return err
	}
	if t.quiet {
		if err := t.ask(loading, *promptText); err != nil {
			return err
		}
		return loading.Err() // half an answer is no success
	}
	stop()
	if !isGuide && *server == "" { // which is there whenever nothing else is
		if err := app.NoteModel(file); err != nil {
			fmt.Fprintf(s.err, "(The model can't be remembered for the next time: %v)\n", err)
		}
	}
	return t.converse(ctx)
}

// given reports whether a flag was set on the command line.
func given(fs *flag.FlagSet, name string) (set bool) {
	fs.Visit(func(f *flag.Flag) { set = set || f.Name == name })
	return set
}

// decimal is v as it is written: the default 0.7 is not 0.699999988079071.
func decimal(v float32) float64 {
	d, _ := strconv.ParseFloat(strconv.FormatFloat(float64(v), 'g', -1, 32), 64)
	return d
}

// talk is a conversation in the terminal.
type talk struct {
	s       streams
	engine  app.Engine
	request inference.Request // with the messages so far
	quiet   bool              // only the answer
}

// load waits for the model, with its progress on standard error.
func (t *talk) load(ctx context.Context, file string, p inference.Placement) error {
	id := t.engine.Load(file, p)
	bar := newBar(t.s.err)
	for {
		select {
		case <-ctx.Done():
			t.engine.Stop(id)
			ctx = context.WithoutCancel(ctx)
		case ev := <-t.engine.Events():
			switch ev := ev.(type) {
			case inference.Progress:
				bar.show(ev)
			case inference.Failed:
				bar.clear()
				return ev.Err
			case inference.Loaded:
				bar.clear()
				for _, w := range ev.Warnings {
					fmt.Fprintln(t.s.err, w)
				}
				if !t.quiet {
					fmt.Fprintln(t.s.err, modelLine(ev.Model))
				}
				return nil
			}
		}
	}
}

// ask prints the answer to text and adds both to the conversation.
func (t *talk) ask(ctx context.Context, text string) error {
	t.request.Messages = append(t.request.Messages, chat.Message{Role: chat.User, Content: text})
	id := t.engine.Generate(t.request)
	answer := chat.Message{Role: chat.Assistant}
	dim := isTerminal(t.s.err)
	thinking := false
	for {
		select {
		case <-ctx.Done():
			t.engine.Stop(id)
			ctx = context.WithoutCancel(ctx)
		case ev := <-t.engine.Events():
			switch ev := ev.(type) {
			case inference.Started:
				if ev.Dropped > 0 {
					fmt.Fprintf(t.s.err, "(%d messages from the beginning are left out: the context is full)\n", ev.Dropped)
				}
				if ev.Warning != "" {
					fmt.Fprintln(t.s.err, ev.Warning)
				}
			case inference.Moved:
				fmt.Fprintf(t.s.err, "\n(The GPU failed, so the CPU goes on: %v)\n", ev.Reason)
			case inference.Token:
				if ev.Reasoning != "" {
					if dim && !thinking {
						fmt.Fprint(t.s.err, "\x1b[2m")
					}
					thinking = true
					fmt.Fprint(t.s.err, ev.Reasoning)
				}
				if ev.Text != "" {
					t.endThinking(&thinking, dim)
					fmt.Fprint(t.s.out, ev.Text)
				}
				answer.Content += ev.Text
				answer.Reasoning += ev.Reasoning
			case inference.Failed:
				t.request.Messages = t.request.Messages[:len(t.request.Messages)-1]
				t.endThinking(&thinking, dim)
				if answer.Content != "" {
					fmt.Fprintln(t.s.out)
				}
				return ev.Err
			case inference.Done:
				t.endThinking(&thinking, dim)
				fmt.Fprintln(t.s.out)
				if ev.Reason == inference.FinishContext && t.served() {
					fmt.Fprintln(t.s.err, "(The answer ends here because the context of the server's model is full.)")
				} else if ev.Reason == inference.FinishContext {
					fmt.Fprintln(t.s.err, "(The answer ends here because the context is full; --context makes it larger.)")
				}
				if !t.quiet {
					context := ""
					if ev.Stats.ContextSize > 0 { // not all servers tell
						context = fmt.Sprintf("; context %d of %d", ev.Stats.ContextUsed, ev.Stats.ContextSize)
					}
					fmt.Fprintf(t.s.err, "(%d tokens, %.1f a second; prompt %d tokens, %d reused, %.0f a second%s)\n",
						ev.Stats.Tokens, ev.Stats.DecodeRate(), ev.Stats.PromptTokens, ev.Stats.Reused, ev.Stats.PromptRate(), context)
				}
				t.request.Messages = append(t.request.Messages, answer)
				return nil
			}
		}
	}
}

func (t *talk) endThinking(thinking *bool, dim bool) {
	if *thinking {
		if dim {
			fmt.Fprint(t.s.err, "\x1b[0m")
		}
		fmt.Fprint(t.s.err, "\n\n")
		*thinking = false
	}
}

// converse reads questions until the input ends. Ctrl+C stops an answer; at the prompt it ends the chat.
func (t *talk) converse(ctx context.Context) error {
	fmt.Fprintln(t.s.err, "Type a message. /help lists the commands.")
	system := len(t.request.Messages)
	in := bufio.NewScanner(t.s.in)
	in.Buffer(nil, 16<<20)
	for {
		fmt.Fprint(t.s.err, "\n> ")
		if more, err := t.line(ctx, in); err != nil || !more {
			fmt.Fprintln(t.s.err)
			return err
		}
		switch text := strings.TrimSpace(in.Text()); text {
		case "":
		case "/exit", "/quit", "/bye":
			return nil
		case "/reset":
			t.request.Messages = t.request.Messages[:system]
			fmt.Fprintln(t.s.err, "A new conversation.")
		case "/help":
			fmt.Fprintln(t.s.err, "/reset starts a new conversation, /exit ends. Ctrl+C stops an answer.")
		default:
			answering, stop := interruptible(ctx)
			err := t.ask(answering, text)
			stop()
			var full *inference.ContextFullError
			switch {
			case errors.As(err, &full):
				fmt.Fprintf(t.s.err, "%v\n", err)
			case err != nil && t.served() && !errors.Is(err, context.Canceled): // it may answer the next time
				fmt.Fprintf(t.s.err, "%v\n", err)
			case errors.Is(err, context.Canceled) && ctx.Err() == nil: // stopped before it began
				fmt.Fprintln(t.s.err)
			case err != nil:
				return err
			}
		}
	}
}

// line reads a line. There is none at the end of the input, and after Ctrl+C.
func (t *talk) line(ctx context.Context, in *bufio.Scanner) (more bool, err error) {
	ctx, stop := interruptible(ctx)
	defer stop()
	scanned := make(chan bool, 1)
	go func() { scanned <- in.Scan() }() // ends with the input, or with the process
	select {
	case <-ctx.Done():
		return false, nil
	case more := <-scanned:
		return more, in.Err()
	}
}

func isTerminal(w any) bool {
	f, ok := w.(*os.File)
	return ok && isatty.IsTerminal(f.Fd())
}

// bar is a progress bar on one line, for terminals.
type bar struct {
	w     io.Writer
	shown bool
}

func newBar(w io.Writer) *bar {
	if !isTerminal(w) {
		return &bar{}
	}
	return &bar{w: w}
}

func (b *bar) show(p inference.Progress) {
	if b.w == nil {
		return
	}
	b.shown = true
	const width = 30
	fmt.Fprintf(b.w, "\r\x1b[K%s", p.Stage)
	if p.Total > 0 {
		full := int(width * p.Done / p.Total)
		fmt.Fprintf(b.w, " %s%s %3d %%", strings.Repeat("█", full), strings.Repeat("░", width-full), 100*p.Done/p.Total)
	}
}

func (b *bar) clear() {
	if b.shown {
		fmt.Fprint(b.w, "\r\x1b[K")
	}
}
