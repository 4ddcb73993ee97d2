package inference

import (
	"time"

	"burble/inference/chat"
	"burble/inference/compute"
	"burble/inference/sample"
)

// ID names a request. Every event carries the ID of the request that caused it. The zero ID is never used.
type ID uint64

// Request asks for one answer.
type Request struct {
	// Messages is the conversation so far, ending with the message to answer. The engine renders it with the
	// model's template. Where it is empty, Prompt is used as it stands.
	Messages []chat.Message
	// Prompt is raw text for completion without a template; special tokens in it are recognised.
	Prompt string
	// Tokens is a prompt that is tokens already, from a Trace. It takes the place of Messages and Prompt.
	Tokens []int32
	// Begun are tokens that the answer begins with, after Tokens. They are passed on as text, and the model goes on from there.
	Begun []int32
	// Score has nothing written: Done.Scores says how likely each token of Begun was, and which so many were the likeliest.
	Score int
	// Continue makes the model go on with the last message, an assistant's, instead of starting a new one.
	Continue bool
	// Sampling holds the sampling parameters. The zero value is greedy.
	Sampling sample.Params
	// MaxTokens bounds the answer; 0 means as long as the context allows.
	MaxTokens int
	// Stop lists strings that end the answer; they are not part of it.
	Stop []string
	// Lookup switches prompt lookup decoding on: at most so many tokens are guessed at a time. The answer is the same.
	Lookup int
	// Overflow says what happens when the conversation is longer than the context.
	Overflow Overflow
	// Thinking overrides the template's default for models that can think or not; nil leaves it alone.
	Thinking *bool
	// Effort is how much a model reasons: "low", "medium" or "high", where its template knows that; "" leaves it alone.
	Effort string
	// MaxPrefill fails the request with ErrPrefill, before it touches the KV cache, where more tokens of the prompt than
	// these are not in it; 0: no limit. It is for what is not worth reading a conversation anew.
	MaxPrefill int
}

// Overflow is the policy for a conversation that doesn't fit the context.
type Overflow uint8

const (
	Refuse     Overflow = iota // fail with a ContextFullError
	DropOldest                 // leave out the oldest turns, keeping the system message; Started.Dropped counts them
	DropMiddle                 // leave out the turns after the first, the oldest of them first
)

// Options of a loaded model, chosen by the user.
type Placement struct {
	Device  string // "auto", "cpu", "gpu", or a device's name from Devices
	Context int    // tokens of KV cache; 0 chooses min(model's own, a default that fits)
	Layers  int    // layers on the GPU; 0 chooses by free memory
	Split   string // layers on each GPU, best first, such as "20,12"; "" goes by Layers
	// CPUExperts leaves the experts of the first so many layers to the CPU; 0 goes by free memory, -1 is none.
	CPUExperts int
	Threads    int    // CPU threads; 0 chooses
	KVType     string // "f16" (default), "f32", "bf16", "q8_0" or "q4_0"
	// FloatActivations keeps activations in float32 where quantised kernels would round them to 8 bits (debugging).
	FloatActivations bool
	// Idle is how long a model stays on the GPU without being used; then the GPU is released, and taken again with
	// the next request. 0: as long as it is loaded.
	Idle time.Duration
}

// Stage says what a load is doing.
type Stage string

const (
	StageOpen    Stage = "opening"
	StageRead    Stage = "reading weights"
	StageUpload  Stage = "uploading weights"
	StageCompile Stage = "compiling kernels"
	StageTest    Stage = "testing kernels"
	StageWarm    Stage = "warming up"
)

// Event is something that happened on the engine. It is one of the types below.
type Event interface{ Request() ID }

type (
	// Progress reports a load on its way.
	Progress struct {
		ID          ID
		Stage       Stage
		Done, Total int64 // bytes, where the stage counts bytes; else steps
	}
	// Loaded ends a Load that worked.
	Loaded struct {
		ID    ID
		Model ModelInfo
		Took  time.Duration
		// Warnings are sentences for the user: a template that failed, a device that was fallen back from.
		Warnings []string
	}
	// Unloaded ends an Unload.
	Unloaded struct{ ID ID }
	// Started says that the prompt is tokenised and matched against the KV cache.
	Started struct {
		ID           ID
		PromptTokens int    // tokens of the whole prompt
		Reused       int    // of them, already in the KV cache
		Dropped      int    // messages left out to make the conversation fit
		Warning      string // for the user, or empty
		Model        string // the name of the model that answers: ModelInfo.Title
	}
	// Prefill reports the prompt's tokens processed so far, reused ones included.
	Prefill struct {
		ID          ID
		Done, Total int
	}
	// Token carries a piece of the answer: whole characters, possibly of several tokens.
	Token struct {
		ID        ID
		Text      string // to add to the answer
		Reasoning string // to add to the reasoning
		Tokens    int    // tokens generated so far
	}
	// Moved says that the GPU has failed and the model runs on the CPU now. The answer goes on.
	Moved struct {
		ID     ID
		Model  ModelInfo
		Reason error // what happened on the GPU
	}
	// Done ends a Generate that worked or was stopped.
	Done struct {
		ID     ID
		Reason FinishReason
		Stats  Stats
		Trace  *Trace  // what the answer was made of; nil where that is not known
		Scores []Score // with Request.Score: of every token of Request.Begun
	}
	// Failed ends a request that did not work. A load that was cancelled fails with context.Canceled.
	Failed struct {
		ID  ID
		Err error
		// Unloaded says that no model is loaded any more: a load fails after it has freed the previous model, or
		// neither the GPU nor the CPU could go on.
		Unloaded bool
	}
)

func (e Progress) Request() ID { return e.ID }
func (e Loaded) Request() ID   { return e.ID }
func (e Unloaded) Request() ID { return e.ID }
func (e Started) Request() ID  { return e.ID }
func (e Prefill) Request() ID  { return e.ID }
func (e Token) Request() ID    { return e.ID }
func (e Moved) Request() ID    { return e.ID }
func (e Done) Request() ID     { return e.ID }
func (e Failed) Request() ID   { return e.ID }

// FinishReason says why an answer ended.
type FinishReason string

const (
	FinishStop    FinishReason = "stop"      // the model ended its turn, or a stop string came up
	FinishLength  FinishReason = "length"    // MaxTokens
	FinishContext FinishReason = "context"   // the context is full
	FinishStopped FinishReason = "cancelled" // the user stopped it
)

// Stats are the figures of one answer.
type Stats struct {
	PromptTokens int           // tokens of the prompt
	Reused       int           // of them, taken from the KV cache
	Tokens       int           // tokens generated
	PromptTime   time.Duration // from start to the first logits
	DecodeTime   time.Duration // from the first logits to the end
	FirstToken   time.Duration // from the request to the first text
	ContextUsed  int           // tokens in the KV cache at the end
	ContextSize  int           // tokens the KV cache can hold
	Seed         uint64        // the seed that was used
}

// PromptRate returns prompt tokens processed per second, reused ones left out.
func (s Stats) PromptRate() float64 { return rate(s.PromptTokens-s.Reused, s.PromptTime) }

// DecodeRate returns generated tokens per second.
func (s Stats) DecodeRate() float64 { return rate(s.Tokens, s.DecodeTime) }

func rate(n int, d time.Duration) float64 {
	if d <= 0 || n <= 0 {
		return 0
	}
	return float64(n) / d.Seconds()
}

// ModelInfo describes the loaded model.
type ModelInfo struct {
	Path          string
	Name          string // general.name, or the file's name
	Architecture  string
	Quantisation  string // "Q4_K_M"
	Parameters    int64
	FileBytes     int64
	ContextTrain  int // the model's own limit
	ContextSize   int // what the KV cache was made for
	Device        string
	DeviceMemory  compute.Memory
	Predicted     Prediction // memory, before the load
	Measured      int64      // bytes taken by the load, of the GPUs' memory or else of the process, whose KV cache counts as if it were full; 0: unknown
	Layers        int
	GPULayers     int // of them, on the GPU
	ThinkingModel bool

	ThinkingSwitch bool           // its template has a switch for thinking: Request.Thinking
	ThinkingEffort bool           // its template has grades of thinking: Request.Effort
	Recommended    *sample.Params // the sampling that the file recommends, over sample.Defaults; nil: it recommends none

	// Server is the name of the server that runs the model; empty: this machine does. Then memory, layers and tokens are not
	// known here, and settings of where and how models run have no effect.
	Server string
	// NoContinue says why an answer that has begun can't be gone on with, in a sentence; empty: it can.
	NoContinue string
}

// Title is the model's name, with that of its server where there is one.
func (m ModelInfo) Title() string {
	if m.Server == "" {
		return m.Name
	}
	return m.Name + " on " + m.Server
}
