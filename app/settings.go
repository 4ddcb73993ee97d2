package app

import (
	"burble/inference/sample"
)

// Theme is the look of the window.
type Theme string

const (
	ThemeSystem Theme = "system" // as the desktop is
	ThemeLight  Theme = "light"
	ThemeDark   Theme = "dark"
)

// Values are the settings. See Defaults for what they start with, and Values.Clamp for their limits.
type Values struct {
	SystemPrompt string        `json:"system_prompt"`
	Sampling     sample.Params `json:"sampling"`
	MaxTokens    int           `json:"max_tokens"` // per answer; 0: as long as the context allows
	Overflow     string        `json:"overflow"`   // OverflowRefuse or OverflowDrop
	Lookup       int           `json:"lookup"`     // tokens guessed at a time by prompt lookup decoding; 0: off

	Context   int    `json:"context"`    // tokens; 0: the engine chooses
	Threads   int    `json:"threads"`    // of the CPU; 0: the engine chooses
	Device    string `json:"device"`     // "auto", "cpu", "gpu", or a device's name
	GPULayers int    `json:"gpu_layers"` // 0: the engine chooses by free memory
	KVType    string `json:"kv_type"`    // "f16" or "f32"

	Theme     Theme   `json:"theme"`
	FontScale float64 `json:"font_scale"` // 1 is normal

	ModelsFolder  string `json:"models_folder"`   // empty: models in the data folder
	OpenLastModel bool   `json:"open_last_model"` // load the last model at start
}

// Values of Overflow.
const (
	OverflowRefuse = "refuse"      // a conversation that doesn't fit the context fails, and says so
	OverflowDrop   = "drop_oldest" // the oldest turns are left out
)
