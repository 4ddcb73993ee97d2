package terminal

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"

	"burble/gguf"
	"burble/inference/chat"
	"burble/inference/chat/jinja"
	"burble/inference/tokenizer"
)

var debugCommands = []command{
	{"tokenize", "-m MODEL [--special] [--add-special]", `JSON lines {"text":…} in, {"ids":[…]} out`, debugTokenize},
	{"render", "--template FILE", "one JSON case on standard input, its rendering on standard output; exit 3 where the template raises", debugRender},
	{"logits", "-m MODEL --tokens IDS.json -o OUT.f32", "float32 logits of every position, row-major", cancellable(debugLogits)},
	{"dequantize", "--type TYPE", "raw blocks on standard input, float32 on standard output", debugDequantize},
	{"synth", "--shape SHAPE --type TYPE -o FILE", "write a model of a published shape with random weights", debugSynth},
}

func runDebug(ctx context.Context, s streams, _ command, args []string) error {
	if len(args) > 0 {
		for _, c := range debugCommands {
			if c.name == args[0] {
				c.name = "debug " + c.name
				return c.run(ctx, s, c, args[1:])
			}
		}
	}
	for _, c := range debugCommands {
		fmt.Fprintf(s.out, "  burble debug %s %s\n        %s\n", c.name, c.usage, c.does)
	}
	if len(args) == 0 || args[0] == "-h" || args[0] == "--help" {
		return nil
	}
	return usageError(fmt.Sprintf("unknown command debug %q", args[0]))
}

func debugTokenize(_ context.Context, s streams, c command, args []string) error {
	fs := c.flags(s)
	path := fs.String("m", "", "model `FILE`")
	special := fs.Bool("special", false, "recognise special tokens in the text")
	add := fs.Bool("add-special", false, "add BOS and EOS as the file says")
	if err := parse(fs, args); err != nil {
		return err
	}
	if *path == "" {
		return usageError("name a model with -m FILE.gguf")
	}
	f, err := gguf.Open(*path)
	if err != nil {
		return err
	}
	defer f.Close()
	t, err := tokenizer.New(f.Metadata)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(s.out)
	in := json.NewDecoder(s.in)
	for line := 1; ; line++ {
		var text struct {
			Text string `json:"text"`
		}
		if err := in.Decode(&text); errors.Is(err, io.EOF) {
			return out.Flush()
		} else if err != nil {
			return fmt.Errorf("line %d: %w", line, err)
		}
		ids := t.Encode(text.Text, tokenizer.Options{Special: *special, AddSpecial: *add})
		if ids == nil {
			ids = []int32{}
		}
		b, err := json.Marshal(struct {
			IDs []int32 `json:"ids"`
		}{ids})
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "%s\n", b)
	}
}

func debugRender(_ context.Context, s streams, c command, args []string) error {
	fs := c.flags(s)
	path := fs.String("template", "", "template `FILE`")
	if err := parse(fs, args); err != nil {
		return err
	}
	if *path == "" {
		return usageError("name a template with --template FILE")
	}
	source, err := os.ReadFile(*path)
	if err != nil {
		return err
	}
	input, err := io.ReadAll(s.in)
	if err != nil {
		return err
	}
	text, err := chat.RenderCase(string(source), input)
	var failure *jinja.TemplateError
	if errors.As(err, &failure) {
		return raisedError{err}
	}
	if err != nil {
		return err
	}
	_, err = io.WriteString(s.out, text)
	return err
}

func debugLogits(ctx context.Context, s streams, c command, args []string) (err error) {
	fs := c.flags(s)
	path := fs.String("m", "", "model `FILE`")
	tokens := fs.String("tokens", "", "JSON `FILE` with an array of token ids")
	out := fs.String("o", "", "`FILE` to write")
	place := placementFlags(fs)
	if err := parse(fs, args); err != nil {
		return err
	}
	if *tokens == "" || *out == "" {
		return usageError("name the tokens with --tokens FILE and the output with -o FILE")
	}
	b, err := os.ReadFile(*tokens)
	if err != nil {
		return err
	}
	var ids []int32
	if err := json.Unmarshal(b, &ids); err != nil {
		return fmt.Errorf("%s: %w", *tokens, err)
	}
	p := place()
	if p.Context == 0 {
		p.Context = max(len(ids), 1)
	}
	m, err := open(ctx, s, *path, p)
	if err != nil {
		return err
	}
	defer m.Close()
	f, err := os.Create(*out)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := bufio.NewWriterSize(f, 1<<20)
	err = m.Session().AllLogits(ctx, ids, func(_ int, logits []float32) error { return writeFloats(w, logits) })
	return errors.Join(err, w.Flush())
}

func debugDequantize(_ context.Context, s streams, c command, args []string) error {
	fs := c.flags(s)
	name := fs.String("type", "", "tensor `TYPE`, such as Q4_K")
	if err := parse(fs, args); err != nil {
		return err
	}
	typ, err := gguf.ParseType(*name)
	if err != nil {
		return usageError(err.Error())
	}
	const blocks = 4096
	in := make([]byte, blocks*typ.BlockBytes())
	floats := make([]float32, blocks*typ.BlockElements())
	w := bufio.NewWriterSize(s.out, 1<<20)
	for {
		n, err := io.ReadFull(s.in, in)
		if n%typ.BlockBytes() != 0 {
			return fmt.Errorf("the input ends inside a block of %d bytes", typ.BlockBytes())
		}
		part := floats[:n/typ.BlockBytes()*typ.BlockElements()]
		if err := gguf.Dequantize(typ, part, in[:n]); err != nil {
			return err
		}
		if err := writeFloats(w, part); err != nil {
			return err
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return w.Flush()
		}
		if err != nil {
			return err
		}
	}
}

func debugSynth(_ context.Context, s streams, c command, args []string) error {
	fs := c.flags(s)
	shape := fs.String("shape", "", "one of "+strings.Join(gguf.SynthShapes(), ", "))
	mix := fs.String("type", "", "one of "+strings.Join(gguf.SynthMixes(), ", "))
	out := fs.String("o", "", "`FILE` to write")
	seed := fs.Uint64("seed", 1, "random seed")
	if err := parse(fs, args); err != nil {
		return err
	}
	if *out == "" || !slices.Contains(gguf.SynthShapes(), *shape) || !slices.Contains(gguf.SynthMixes(), *mix) {
		return usageError("a shape, a type and -o FILE are needed; see burble debug synth -h")
	}
	return gguf.Synth(*out, *shape, *mix, *seed)
}

// writeFloats writes little-endian float32.
func writeFloats(w io.Writer, values []float32) error {
	var b bytes.Buffer
	b.Grow(4 * len(values))
	for _, v := range values {
		b.Write(binary.LittleEndian.AppendUint32(b.AvailableBuffer(), math.Float32bits(v)))
	}
	_, err := w.Write(b.Bytes())
	return err
}
