package remote

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"burble/app/network"
	"burble/app/remote/remotetest"
	"burble/inference"
	"burble/inference/chat"
	"burble/inference/sample"
)

// said is what came of an answer.
type said struct {
	text, reasoning, warning string
	pieces, dropped          int
	prefilled                [2]int
	reason                   inference.FinishReason
	stats                    inference.Stats
	err                      error
}

// ask asks a server, with a conversation that ends with a question where r has none.
func ask(t testing.TB, ctx context.Context, c *Client, r inference.Request) (a said) {
	t.Helper()
	cat, err := c.Catalog(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if r.Messages == nil {
		r.Messages = []chat.Message{{Role: chat.System, Content: "Be brief."}, {Role: chat.User, Content: "Hi"}}
	}
	m := c.Describe(ctx, cat, cat.Models[0])
	a.reason, a.stats, a.err = c.Answer(ctx, cat, m, r, func(p Piece) {
		a.text += p.Text
		a.reasoning += p.Reasoning
		a.warning += p.Warning
		a.dropped += p.Dropped
		if p.PromptTotal > 0 {
			a.prefilled = [2]int{p.PromptDone, p.PromptTotal}
		} else {
			a.pieces++
		}
	})
	return a
}

// TestAnswers wants a plain answer, and one with reasoning, from every kind of server.
func TestAnswers(t *testing.T) {
	for vendor, thinks := range map[remotetest.Vendor][]string{
		remotetest.LlamaServer: {"Let me ", "see."}, remotetest.VLLM: {"Let me ", "see."}, remotetest.SGLang: {"Let me ", "see."},
		remotetest.Ollama: {"Let me ", "see."}, remotetest.LMStudio: {"Let me ", "see."}, remotetest.OpenAI: {"<thi", "nk>Let me ", "see.</", "think>\n\n"},
	} {
		s := remotetest.New(t, vendor)
		c := clientOf(t, s.URL, "")
		a := ask(t, t.Context(), c, inference.Request{Sampling: sample.Defaults()})
		if a.text != "Hello, wörld!" || a.reasoning != "" || a.err != nil || a.reason != inference.FinishStop || a.warning != "" {
			t.Errorf("%s: %+v", vendor, a)
		}
		if a.stats.PromptTokens != 20 || a.stats.Tokens != 4 || a.stats.ContextUsed != 24 || a.stats.FirstToken <= 0 || a.stats.DecodeTime <= 0 {
			t.Errorf("%s: %+v", vendor, a.stats)
		}
		if vendor == remotetest.LlamaServer && (a.stats.Reused != 8 || a.stats.PromptTime != 100*time.Millisecond || a.stats.DecodeTime != 200*time.Millisecond ||
			a.stats.ContextSize != 16384 || a.prefilled != [2]int{20, 20}) {
			t.Errorf("%s: %+v, %v", vendor, a.stats, a.prefilled)
		}
		if vendor == remotetest.Ollama && a.stats.ContextSize != 4096 { // known from the first answer on
			t.Errorf("%s: %+v", vendor, a.stats)
		}
		q := s.Asked(t, 1)
		if got := q.Messages(); !slices.Equal(got, []string{"system: Be brief.", "user: Hi"}) || q.Body["model"] != "qwen3-32b" || q.Body["stream"] != true {
			t.Errorf("%s was asked %v", vendor, q.Body)
		}

		s.Say(thinks, []string{"Yes", "."})
		if a := ask(t, t.Context(), c, inference.Request{}); a.text != "Yes." || a.reasoning != "Let me see." || a.err != nil {
			t.Errorf("%s: %+v", vendor, a)
		}
	}
}

// TestStreams wants whatever a stream may be made of to be read, and whatever is wrong with it to be said.
func TestStreams(t *testing.T) {
	word := func(s string) string {
		b, _ := json.Marshal(s)
		return fmt.Sprintf(`{"choices":[{"index":0,"delta":{"content":%s}}]}`, b)
	}
	const end = `{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`
	long := strings.Repeat("long ", 30000)
	for name, c := range map[string]struct {
		script    func(st *remotetest.Stream)
		text, err string // err: what the error says
		cut       bool   // the error is ErrCut
		reason    inference.FinishReason
	}{
		"CRLF and comments": {script: func(st *remotetest.Stream) {
			st.Raw(": hello\r\n\r\nevent: message\r\nid: 1\r\ndata:" + word("a") + "\r\n\r\n: ping\r\n\r\ndata: " + word("b") + "\r\n\r\ndata: " + end + "\r\n\r\ndata: [DONE]\r\n\r\n")
		}, text: "ab", reason: inference.FinishStop},
		"one byte at a time": {script: func(st *remotetest.Stream) {
			for _, b := range []byte("\ufeffdata: " + word("wörld 🌍 你好") + "\n\ndata: " + end + "\n\n") {
				st.Raw(string([]byte{b}))
			}
		}, text: "wörld 🌍 你好", reason: inference.FinishStop},
		"JSON over lines": {script: func(st *remotetest.Stream) {
			st.Raw("data: {\"choices\":\ndata: [{\"index\":0,\"delta\":{\"content\":\"a\"},\ndata: \"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n")
		}, text: "a", reason: inference.FinishStop},
		"long events":          {script: func(st *remotetest.Stream) { st.Data(word(long)); st.Data(end) }, text: long, reason: inference.FinishStop},
		"no DONE":              {script: func(st *remotetest.Stream) { st.Data(word("a")); st.Data(end) }, text: "a", reason: inference.FinishStop},
		"no finish_reason":     {script: func(st *remotetest.Stream) { st.Data(word("a")); st.Data("[DONE]") }, text: "a", reason: inference.FinishStop},
		"DONE without newline": {script: func(st *remotetest.Stream) { st.Data(word("a")); st.Raw("data: [DONE]") }, text: "a", reason: inference.FinishStop},
		"what follows DONE":    {script: func(st *remotetest.Stream) { st.Data(word("a")); st.Data("[DONE]"); st.Data(word("b")) }, text: "a", reason: inference.FinishStop},
		"other choices": {script: func(st *remotetest.Stream) {
			st.Data(`{"choices":[{"index":1,"delta":{"content":"x"}}]}`)
			st.Data(word("a"))
			st.Data(end)
		}, text: "a", reason: inference.FinishStop},
		"length":  {script: func(st *remotetest.Stream) { st.Data(word("a")); st.End("length", 5, 3) }, text: "a", reason: inference.FinishLength},
		"context": {script: func(st *remotetest.Stream) { st.Data(word("a")); st.End("length", 32000, 768) }, text: "a", reason: inference.FinishContext},
		"parts": {script: func(st *remotetest.Stream) {
			st.Data(`{"choices":[{"index":0,"delta":{"content":[{"type":"thinking","thinking":[{"type":"text","text":"hm"}]},{"type":"text","text":"a"}]}}]}`)
			st.Data(end)
		}, text: "a", reason: inference.FinishStop},
		"without a content type": {script: func(st *remotetest.Stream) {
			st.W.Header().Set("Content-Type", "text/plain")
			st.Data(word("a"))
			st.Data(end)
		}, text: "a", reason: inference.FinishStop},
		"all at once": {script: func(st *remotetest.Stream) {
			st.Fail(200, "application/json", `{"choices":[{"index":0,"message":{"role":"assistant","content":"a whole answer"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":3}}`)
		}, text: "a whole answer", reason: inference.FinishStop},
		"closed in the middle": {script: func(st *remotetest.Stream) { st.Begin(); st.Word("half") }, text: "half", cut: true, err: "the answer broke off"},
		"reset in the middle":  {script: func(st *remotetest.Stream) { st.Begin(); st.Word("half"); time.Sleep(20 * time.Millisecond); st.Cut() }, text: "half", cut: true, err: "closed the connection"},
		"cut within an event":  {script: func(st *remotetest.Stream) { st.Begin(); st.Word("half"); st.Raw(`data: {"choices":[{"index":0,"del`) }, text: "half", cut: true, err: "can't be read"},
		"reset at once":        {script: func(st *remotetest.Stream) { st.Cut() }, err: "closed the connection"},
		"nothing":              {script: func(st *remotetest.Stream) { st.Begin() }, err: "ended the connection without an answer"},
		"given up":             {script: func(st *remotetest.Stream) { st.Begin(); st.Word("half"); st.End("abort", 1, 1) }, text: "half", cut: true, err: "given it up"},
		"error in the middle": {script: func(st *remotetest.Stream) {
			st.Begin()
			st.Word("half")
			st.Data(`{"error":{"message":"CUDA out of memory","type":"server_error","code":500}}`)
		}, text: "half", err: "reports an error: CUDA out of memory"},
		"error event":  {script: func(st *remotetest.Stream) { st.Raw("event: error\ndata: \"busy\"\n\n") }, err: "reports an error: busy"},
		"error field":  {script: func(st *remotetest.Stream) { st.Raw("error: {\"code\":500,\"message\":\"slot lost\"}\n\n") }, err: "reports an error: slot lost"},
		"error as 200": {script: func(st *remotetest.Stream) { st.Fail(200, "application/json", `{"error":"model is loading"}`) }, err: "reports an error: model is loading"},
		"status": {script: func(st *remotetest.Stream) {
			st.Fail(404, "application/json", `{"error":{"message":"model 'x' not found"}}`)
		}, err: "has no such model (404): model 'x' not found"},
		"page":    {script: func(st *remotetest.Stream) { st.Fail(200, "text/html", `<html><body>Sign in</body></html>`) }, err: "a web page"},
		"garbage": {script: func(st *remotetest.Stream) { st.Begin(); st.Data("{garbage}") }, err: "can't be read"},
		"tool": {script: func(st *remotetest.Stream) {
			st.Begin()
			st.Data(`{"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}`)
		}, err: "asked for a tool"},
		"filter": {script: func(st *remotetest.Stream) { st.Begin(); st.Word("half"); st.End("content_filter", 1, 1) }, text: "half", err: "withholds the rest"},
		"too much": {script: func(st *remotetest.Stream) {
			st.Begin()
			for many := strings.Repeat("x", 1<<20); ; st.Word(many) {
				select {
				case <-st.Gone:
					return
				default:
				}
			}
		}, text: strings.Repeat("x", maxAnswer), err: "more than 16 MiB"},
		"endless event": {script: func(st *remotetest.Stream) {
			st.Begin()
			st.Raw("data: ")
			for many := strings.Repeat("x", 1<<20); ; st.Raw(many) {
				select {
				case <-st.Gone:
					return
				default:
				}
			}
		}, err: "no piece of an answer"},
	} {
		t.Run(name, func(t *testing.T) {
			s := remotetest.New(t, remotetest.VLLM)
			s.Script(c.script)
			a := ask(t, t.Context(), clientOf(t, s.URL, ""), inference.Request{})
			if a.text != c.text || a.reason != c.reason {
				t.Errorf("%.80q (%d bytes), reason %q; want %.80q, %q", a.text, len(a.text), a.reason, c.text, c.reason)
			}
			if (a.err == nil) != (c.err == "") || a.err != nil && !strings.Contains(a.err.Error(), c.err) || errors.Is(a.err, ErrCut) != c.cut {
				t.Errorf("%v; want %q, cut %v", a.err, c.err, c.cut)
			}
			if len(c.text) < 20 && a.stats.Tokens == 0 && c.text != "" {
				t.Error("no token was counted")
			}
		})
	}
}

// TestSilence wants a server that sends nothing to be given up, before an answer and in the middle of one, but not one that
// only takes its time.
func TestSilence(t *testing.T) {
	s := remotetest.New(t, remotetest.VLLM)
	c := clientOf(t, s.URL, "")
	c.silence = 100 * time.Millisecond
	s.Script(func(st *remotetest.Stream) { st.Wait() })
	if a := ask(t, t.Context(), c, inference.Request{}); a.err == nil || !strings.Contains(a.err.Error(), "sent nothing for 100ms") || errors.Is(a.err, ErrCut) {
		t.Errorf("%+v", a)
	}
	s.Script(func(st *remotetest.Stream) { st.Begin(); st.Word("half"); st.Wait() })
	if a := ask(t, t.Context(), c, inference.Request{}); a.text != "half" || a.err == nil || !strings.Contains(a.err.Error(), "sent nothing") || !errors.Is(a.err, ErrCut) {
		t.Errorf("%+v", a)
	}
	s.Script(func(st *remotetest.Stream) {
		st.Begin()
		for range 12 {
			time.Sleep(25 * time.Millisecond)
			st.Raw(": still reading the prompt\n\n")
		}
		st.Word("slow")
		st.End("stop", 1, 1)
	})
	if a := ask(t, t.Context(), c, inference.Request{}); a.text != "slow" || a.err != nil {
		t.Errorf("%+v", a)
	}
	s.Script(func(st *remotetest.Stream) { // the figures never come, and the connection stays open
		st.Begin()
		st.Word("all")
		st.Data(`{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`)
		st.Wait()
	})
	if a := ask(t, t.Context(), c, inference.Request{}); a.text != "all" || a.err != nil || a.reason != inference.FinishStop {
		t.Errorf("%+v", a)
	}
}

// TestGoingOffline wants an answer to end as one that broke off when the user goes offline in the middle of it.
func TestGoingOffline(t *testing.T) {
	s := remotetest.New(t, remotetest.VLLM)
	n := network.New(false)
	defer n.Close()
	c, err := NewClient(n.Client(), Server{Name: "myserver", URL: s.URL}, "")
	if err != nil {
		t.Fatal(err)
	}
	s.Script(func(st *remotetest.Stream) {
		st.Begin()
		st.Word("half")
		time.Sleep(50 * time.Millisecond)
		n.SetOffline(true)
		st.Wait()
	})
	if a := ask(t, t.Context(), c, inference.Request{}); a.text != "half" || !errors.Is(a.err, ErrCut) {
		t.Errorf("%+v", a)
	}
}

// TestStopAtOnce wants the end of the context to end the request, before the answer and in it, and the server to notice.
func TestStopAtOnce(t *testing.T) {
	s := remotetest.New(t, remotetest.VLLM)
	c := clientOf(t, s.URL, "")
	for n, script := range []func(*remotetest.Stream){
		func(st *remotetest.Stream) { st.Wait() },
		func(st *remotetest.Stream) { st.Begin(); st.Word("half"); st.Wait() },
	} {
		s.Script(script)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(60*time.Millisecond, cancel)
		begun := time.Now()
		if a := ask(t, ctx, c, inference.Request{}); !errors.Is(a.err, context.Canceled) || time.Since(begun) > 2*time.Second {
			t.Errorf("%+v after %v", a, time.Since(begun))
		}
		for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
			if _, gone := s.Questions(); gone == n+1 {
				break
			} else if time.Now().After(deadline) {
				t.Fatal("the server was not told")
			}
		}
	}
}

// TestParameters wants each kind of server to be sent what it takes, and the user to be told what it does not.
func TestParameters(t *testing.T) {
	n := uint64(42)
	off := false
	chosen := inference.Request{
		Sampling:  sample.Params{Temperature: 0.5, TopK: 7, TopP: 0.9, MinP: 0.1, RepeatPenalty: 1.25, PresencePenalty: 0.5, FrequencyPenalty: 0.25, DRYMultiplier: 0.75, Seed: &n},
		MaxTokens: 99, Stop: []string{"END"}, Thinking: &off,
	}
	if b, _ := newBody(LlamaServer, "m", inference.Request{Effort: "high", Thinking: &off}); fmt.Sprint(b["chat_template_kwargs"]) != "map[enable_thinking:false reasoning_effort:high]" {
		t.Errorf("%v", b)
	}
	if b, _ := newBody(Unknown, "m", inference.Request{Effort: "high"}); b["reasoning_effort"] != "high" {
		t.Errorf("%v", b)
	}
	for vendor, want := range map[remotetest.Vendor]struct {
		body    map[string]any
		without string
		left    string
	}{
		remotetest.LlamaServer: {map[string]any{"top_k": 7.0, "min_p": 0.1, "repeat_penalty": 1.25, "repeat_last_n": 64.0, "dry_multiplier": 0.75, "dry_base": 1.75, "typical_p": 1.0},
			"repetition_penalty", ""},
		remotetest.VLLM:     {map[string]any{"top_k": 7.0, "min_p": 0.1, "repetition_penalty": 1.25}, "repeat_penalty dry_multiplier", "DRY"},
		remotetest.SGLang:   {map[string]any{"top_k": 7.0, "min_p": 0.1, "repetition_penalty": 1.25}, "repeat_penalty", "DRY"},
		remotetest.LMStudio: {map[string]any{"top_k": 7.0, "repeat_penalty": 1.25}, "min_p chat_template_kwargs", "min-p, DRY and the switch for thinking"},
		remotetest.Ollama:   {map[string]any{"reasoning_effort": "none"}, "top_k min_p repeat_penalty chat_template_kwargs", "top-k, min-p, the repetition penalty and DRY"},
		remotetest.OpenAI:   {map[string]any{}, "top_k min_p repeat_penalty chat_template_kwargs", "top-k, min-p, the repetition penalty, DRY and the switch for thinking"},
	} {
		s := remotetest.New(t, vendor)
		c := clientOf(t, s.URL, "sk-1")
		a := ask(t, t.Context(), c, chosen)
		q := s.Asked(t, 1)
		for name, value := range map[string]any{"temperature": 0.5, "top_p": 0.9, "presence_penalty": 0.5, "frequency_penalty": 0.25, "seed": 42.0, "max_tokens": 99.0} {
			want.body[name] = value
		}
		for name, value := range want.body {
			if q.Body[name] != value {
				t.Errorf("%s: %s is %v, not %v", vendor, name, q.Body[name], value)
			}
		}
		for name := range strings.FieldsSeq(want.without) {
			if _, ok := q.Body[name]; ok {
				t.Errorf("%s was sent %s", vendor, name)
			}
		}
		if fmt.Sprint(q.Body["stop"]) != "[END]" || q.Header.Get("Authorization") != "Bearer sk-1" {
			t.Errorf("%s: %v, %v", vendor, q.Body["stop"], q.Header)
		}
		if want.left == "" && a.warning != "" || want.left != "" && !strings.Contains(a.warning, "does not take "+want.left+", so") {
			t.Errorf("%s: %q", vendor, a.warning)
		}
		// What nobody has chosen is not worth a word.
		if a := ask(t, t.Context(), c, inference.Request{Sampling: sample.Defaults()}); a.warning != "" || a.err != nil {
			t.Errorf("%s: %+v", vendor, a)
		}
		// Without any penalty or cut, nothing of a server's own may come in.
		a = ask(t, t.Context(), c, inference.Request{})
		q = s.Asked(t, 3)
		if vendor == remotetest.LlamaServer && (q.Body["top_k"] != 0.0 || q.Body["top_p"] != 1.0 || q.Body["min_p"] != 0.0 || q.Body["repeat_penalty"] != 1.0) ||
			vendor == remotetest.VLLM && (q.Body["top_k"] != -1.0 || q.Body["top_p"] != 1.0 || q.Body["repetition_penalty"] != 1.0) || q.Body["temperature"] != 0.0 || a.err != nil {
			t.Errorf("%s: %v", vendor, q.Body)
		}
	}
}

// TestRefusedParameters wants a request to be made again without what a server refuses by name, and the user to be told.
func TestRefusedParameters(t *testing.T) {
	s := remotetest.New(t, remotetest.OpenAI)
	refuse := func(st *remotetest.Stream, status int, body string) { st.Fail(status, "application/json", body) }
	s.Script(func(st *remotetest.Stream) {
		switch b := st.Body; {
		case b["max_tokens"] != nil:
			refuse(st, 400, `{"error":{"message":"Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.","type":"invalid_request_error","param":"max_tokens","code":"unsupported_parameter"}}`)
		case b["temperature"] != nil:
			refuse(st, 400, `{"error":{"message":"Unsupported value: 'temperature' does not support 0.5 with this model.","type":"invalid_request_error","param":"temperature","code":"unsupported_value"}}`)
		case b["stream_options"] != nil:
			refuse(st, 422, `{"detail":[{"type":"extra_forbidden","loc":["body","stream_options"],"msg":"Extra inputs are not permitted"}]}`)
		default:
			st.Begin()
			st.Word("fine")
			st.End("stop", 1, 1)
		}
	})
	c := clientOf(t, s.URL, "")
	a := ask(t, t.Context(), c, inference.Request{Sampling: sample.Params{Temperature: 0.5}, MaxTokens: 9})
	if a.text != "fine" || a.err != nil || a.warning != "myserver does not take temperature, so this was left out." {
		t.Errorf("%+v", a)
	}
	if q := s.Asked(t, 4); q.Body["max_completion_tokens"] != 9.0 {
		t.Errorf("%v", q.Body)
	}
	// The next question is asked that way at once.
	if a := ask(t, t.Context(), c, inference.Request{Sampling: sample.Params{Temperature: 0.5}, MaxTokens: 9}); a.text != "fine" || !strings.Contains(a.warning, "temperature") {
		t.Errorf("%+v", a)
	}
	if n, _ := s.Questions(); n != 5 {
		t.Errorf("%d questions", n)
	}
	s.Script(func(st *remotetest.Stream) { refuse(st, 400, `{"error":{"message":"'messages' must alternate"}}`) })
	if a := ask(t, t.Context(), c, inference.Request{}); a.err == nil || !strings.Contains(a.err.Error(), "'messages' must alternate") {
		t.Errorf("%+v", a)
	}
	if n, _ := s.Questions(); n != 6 {
		t.Errorf("%d questions", n)
	}
}

// TestTooLong wants a conversation that is longer than the context to be refused, or shortened, as the user has it.
func TestTooLong(t *testing.T) {
	var messages []chat.Message
	for i := range 10 {
		messages = append(messages, chat.Message{Role: chat.User, Content: fmt.Sprintf("%d %s", i, strings.Repeat("question ", 50))}, chat.Message{Role: chat.Assistant, Content: "Yes."})
	}
	messages = append([]chat.Message{{Role: chat.System, Content: "S"}}, append(messages, chat.Message{Role: chat.User, Content: "last"})...)
	for vendor, body := range map[remotetest.Vendor]string{
		remotetest.LlamaServer: `{"error":{"code":400,"message":"request (%d tokens) exceeds the available context size (200 tokens), try increasing it","type":"exceed_context_size_error","n_prompt_tokens":%[1]d,"n_ctx":200}}`,
		remotetest.VLLM:        `{"error":{"message":"This model's maximum context length is 200 tokens. However, you requested %d tokens.","type":"BadRequestError","param":null,"code":400}}`,
		remotetest.OpenAI:      `{"error":{"message":"Your input of %d tokens is too much.","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}`,
	} {
		s := remotetest.New(t, vendor)
		s.Script(func(st *remotetest.Stream) {
			n := 0
			for _, m := range st.Messages() {
				n += len(strings.Fields(m))
			}
			if n > 200 {
				st.Fail(400, "application/json", fmt.Sprintf(body, n))
				return
			}
			st.Begin()
			st.Word("ok")
			st.End("stop", n, 1)
		})
		c := clientOf(t, s.URL, "")
		a := ask(t, t.Context(), c, inference.Request{Messages: messages})
		var full *inference.ContextFullError
		if vendor == remotetest.LlamaServer && (!errors.As(a.err, &full) || full.Size != 200) || a.err == nil || !strings.Contains(a.err.Error(), "context") {
			t.Errorf("%s: %v", vendor, a.err)
		}
		before, _ := s.Questions()
		a = ask(t, t.Context(), c, inference.Request{Messages: messages, Overflow: inference.DropOldest})
		after, _ := s.Questions()
		if a.text != "ok" || a.err != nil || a.dropped < 12 || a.dropped%2 != 0 || vendor == remotetest.LlamaServer && after-before > 3 {
			t.Errorf("%s: %+v after %d questions", vendor, a, after-before)
		}
		if q := s.Asked(t, after); q.Messages()[0] != "system: S" || q.Messages()[len(q.Messages())-1] != "user: last" {
			t.Errorf("%s: %.200q", vendor, q.Messages())
		}
	}
}

// TestContinue wants answers gone on with where a server can, and a reason where it can't.
func TestContinue(t *testing.T) {
	r := inference.Request{Continue: true, Messages: []chat.Message{
		{Role: chat.User, Content: "Count."}, {Role: chat.Assistant, Content: "<think>1, 2", Reasoning: "Easy."},
	}}
	for _, vendor := range []remotetest.Vendor{remotetest.LlamaServer, remotetest.VLLM, remotetest.SGLang} {
		s := remotetest.New(t, vendor)
		s.Say(nil, []string{", 3", " <think>4"})
		a := ask(t, t.Context(), clientOf(t, s.URL, ""), r)
		q := s.Asked(t, 1)
		if a.text != ", 3 <think>4" || a.err != nil || q.Body["continue_final_message"] != true || q.Body["add_generation_prompt"] != false ||
			q.Messages()[1] != "assistant: <think>1, 2" {
			t.Errorf("%s: %+v, %v", vendor, a, q.Body)
		}
	}
	for vendor, want := range map[remotetest.Vendor]string{remotetest.Ollama: "Ollama does not go on", remotetest.LMStudio: "LM Studio does not go on", remotetest.OpenAI: "not known to go on"} {
		s := remotetest.New(t, vendor)
		a := ask(t, t.Context(), clientOf(t, s.URL, ""), r)
		if n, _ := s.Questions(); a.err == nil || !strings.Contains(a.err.Error(), want) || n != 0 {
			t.Errorf("%s: %v, %d questions", vendor, a.err, n)
		}
	}
}

// TestKeyStaysHere wants the key to go to the server alone: not along a redirection, and into no message.
func TestKeyStaysHere(t *testing.T) {
	const key = "sk-very-secret-4711"
	s := remotetest.New(t, remotetest.OpenAI)
	asked := false
	other := remotetest.New(t, remotetest.OpenAI)
	other.Script(func(*remotetest.Stream) { asked = true })
	c := clientOf(t, s.URL, key)
	for _, script := range []func(st *remotetest.Stream){
		func(st *remotetest.Stream) {
			http.Redirect(st.W, &http.Request{Method: "POST"}, other.URL+"/v1/chat/completions", http.StatusTemporaryRedirect)
		},
		func(st *remotetest.Stream) {
			st.Fail(401, "application/json", `{"error":{"message":"bad key `+key+`"}}`)
		},
		func(st *remotetest.Stream) { st.Fail(500, "text/plain", "headers: Authorization: Bearer "+key) },
		func(st *remotetest.Stream) { st.Begin(); st.Data(`{"error":{"message":"` + key + `"}}`) },
		func(st *remotetest.Stream) { st.Begin(); st.Data(`{` + key) },
		func(st *remotetest.Stream) { st.Fail(200, "application/json", `{"error":"`+key+`"}`) },
	} {
		s.Script(script)
		if a := ask(t, t.Context(), c, inference.Request{}); a.err == nil || strings.Contains(a.err.Error(), key) || strings.Contains(fmt.Sprintf("%+v", a.err), key) {
			t.Errorf("%+v", a)
		}
	}
	if asked {
		t.Error("the conversation was sent on to another server")
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add("data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\ndata: [DONE]\n\n", "text/event-stream")
	f.Add(`{"choices":[{"message":{"content":"a"}}]}`, "application/json")
	f.Add(`{"error":{"message":1,"code":{}}}`, "")
	f.Fuzz(func(t *testing.T, text, contentType string) {
		c := &Client{name: "s", silence: time.Minute}
		a := &answer{client: c, emit: func(Piece) {}, heard: func() {}}
		resp := &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {contentType}}, Body: io.NopCloser(strings.NewReader(text))}
		if err := a.read(t.Context(), resp); err == nil && a.reason == "" {
			t.Error("an answer without an end and without an error")
		}
	})
}
