package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

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
	Overflow     string        `json:"overflow"`   // one of Overflows
	Lookup       int           `json:"lookup"`     // tokens guessed at a time by prompt lookup decoding; 0: off
	Preset       int64         `json:"preset"`     // of new chats; 0: the values above

	Context   int    `json:"context"`    // tokens; 0: the engine chooses
	Threads   int    `json:"threads"`    // of the CPU; 0: the engine chooses
	Device    string `json:"device"`     // "auto", "cpu", "gpu", or a device's name
	GPULayers int    `json:"gpu_layers"` // 0: the engine chooses by free memory
	KVType    string `json:"kv_type"`    // one of KVTypes
	GPUIdle   int    `json:"gpu_idle"`   // minutes after which an unused GPU is released; 0: never

	Theme     Theme   `json:"theme"`
	FontScale float64 `json:"font_scale"` // 1 is normal
	Language  string  `json:"language"`   // one of Languages

	TrayIcon      bool `json:"tray_icon"`     // closing the window leaves Burble in the tray
	Notifications bool `json:"notifications"` // a long answer or a download that ends while the window is elsewhere is announced

	ModelsFolder  string   `json:"models_folder"`   // empty: models in the data folder
	ModelsFolders []string `json:"models_folders"`  // further ones, where models are found but never written
	OpenLastModel bool     `json:"open_last_model"` // load the last model at start

	AutoTitles bool `json:"auto_titles"` // the model makes titles of new chats, in idle time

	Offline bool `json:"offline"` // never open a network connection
}

// Values of Overflow.
const (
	OverflowRefuse = "refuse"      // a conversation that doesn't fit the context fails, and says so
	OverflowDrop   = "drop_oldest" // the oldest turns are left out
	OverflowMiddle = "drop_middle" // the first turn stays, and the oldest after it are left out
)

// Overflows are the values of Overflow.
func Overflows() []string { return []string{OverflowRefuse, OverflowDrop, OverflowMiddle} }

// Defaults are the settings to start with.
func Defaults() Values {
	return Values{
		Sampling:  sample.Defaults(),
		Overflow:  OverflowRefuse,
		Device:    "auto",
		KVType:    "f16",
		Theme:     ThemeSystem,
		FontScale: 1,
		Language:  LanguageSystem,

		OpenLastModel: true,
		Notifications: true,

		AutoTitles: true,
	}
}

// Limits of settings that are numbers.
const (
	MaxContext   = 1 << 20
	MaxThreads   = 512
	MaxGPULayers = 1000
	MaxLookup    = 64
	MaxGPUIdle   = 24 * 60
	MinFontScale = 0.5
	MaxFontScale = 3.0
)

// Clamp returns v with every value brought within its limits. One that means nothing becomes the default.
func (v Values) Clamp() Values {
	d := Defaults()
	v.Sampling = clampSampling(v.Sampling)
	v.MaxTokens = max(v.MaxTokens, 0)
	v.Overflow = oneOf(v.Overflow, d.Overflow, Overflows()...)
	v.Lookup = clamp(v.Lookup, 0, MaxLookup)
	v.Preset = max(v.Preset, 0)
	v.Context = clamp(v.Context, 0, MaxContext)
	v.Threads = clamp(v.Threads, 0, MaxThreads)
	v.GPULayers = clamp(v.GPULayers, 0, MaxGPULayers)
	v.GPUIdle = clamp(v.GPUIdle, 0, MaxGPUIdle)
	v.KVType = oneOf(v.KVType, d.KVType, KVTypes()...)
	v.Theme = oneOf(v.Theme, d.Theme, ThemeSystem, ThemeLight, ThemeDark)
	v.Language = oneOf(v.Language, d.Language, Languages()...)
	if v.Device == "" {
		v.Device = d.Device
	}
	if v.FontScale == 0 || math.IsNaN(v.FontScale) {
		v.FontScale = d.FontScale
	}
	v.FontScale = clamp(v.FontScale, MinFontScale, MaxFontScale)
	return v
}

// clampSampling brings sampling parameters within what sample.Params.Validate takes and JSON can hold.
func clampSampling(p sample.Params) sample.Params {
	limit := func(value *float32, lo, hi float32) {
		if *value != *value { // NaN
			*value = 0
		}
		*value = clamp(*value, lo, hi)
	}
	limit(&p.Temperature, 0, 100)
	limit(&p.TopP, 0, 1)
	limit(&p.MinP, 0, 1)
	limit(&p.TypicalP, 0, 1)
	limit(&p.RepeatPenalty, 0, 100)
	limit(&p.PresencePenalty, -100, 100)
	limit(&p.FrequencyPenalty, -100, 100)
	limit(&p.DRYMultiplier, 0, 1000)
	limit(&p.XTCProbability, 0, 1)
	limit(&p.XTCThreshold, 0, 1)
	limit(&p.MirostatTau, 0, 100)
	limit(&p.MirostatEta, 0, 1)
	if limit(&p.DRYBase, 0, 100); p.DRYBase < 1 {
		p.DRYBase = 0
	}
	p.TopK = max(p.TopK, 0)
	p.PenaltyWindow = max(p.PenaltyWindow, -1)
	p.DRYAllowedLength = max(p.DRYAllowedLength, 0)
	p.DRYWindow = max(p.DRYWindow, 0)
	p.LogitBias = maps.Clone(p.LogitBias)
	for id, bias := range p.LogitBias {
		if id < 0 {
			delete(p.LogitBias, id)
			continue
		}
		limit(&bias, -1e4, 1e4) // far enough to forbid a token, which JSON's missing -Inf would do
		p.LogitBias[id] = bias
	}
	if p.Seed != nil {
		seed := *p.Seed
		p.Seed = &seed
	}
	return p
}

func clamp[T int | float32 | float64](value, lo, hi T) T { return min(max(value, lo), hi) }

// KVTypes are the types a KV cache can have, the usual one first.
func KVTypes() []string { return []string{"f16", "f32", "bf16", "q8_0", "q4_0"} }

// LanguageSystem is the Language that follows the desktop's.
const LanguageSystem = "system"

// Languages are the languages that the window can be told to speak: the desktop's, then BCP 47 tags.
func Languages() []string { return []string{LanguageSystem, "en", "de", "zh"} }

func oneOf[T comparable](value, otherwise T, choices ...T) T {
	if slices.Contains(choices, value) {
		return value
	}
	return otherwise
}

// Settings are the user's choices, kept in a JSON file that may be edited by hand. Keys in it that this version doesn't
// know are kept.
type Settings struct {
	path    string
	signals *hub

	changed func(Values) // hears of changes before Update returns, and must not call back; or nil

	mu     sync.Mutex
	values Values
}

// openSettings reads the settings at path, where there are any. notice is for the user: what in the file could not be used.
func openSettings(path string, h *hub) (s *Settings, notice string, err error) {
	s = &Settings{path: path, signals: h}
	s.values, _, notice, err = s.read()
	return s, notice, err
}

// Get returns the settings.
func (s *Settings) Get() Values {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.values.clone()
}

func (v Values) clone() Values {
	v.Sampling = clampSampling(v.Sampling) // copies what is behind pointers
	return v
}

// Update has change alter the settings, brings the result within limits and writes it to disk. On an error the settings
// are what they were.
func (s *Settings) Update(change func(v *Values)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	// Another process, or the user with an editor, may have written the file since.
	fresh, unknown, notice, err := s.read()
	if err != nil {
		return err
	}
	if notice != "" {
		s.signals.publish(Notice{notice})
	}
	change(&fresh)
	fresh = fresh.Clamp()
	if err := s.write(fresh, unknown); err != nil {
		return fmt.Errorf("writing the settings to %s: %w", s.path, err)
	}
	s.values = fresh
	if s.changed != nil {
		s.changed(fresh.clone())
	}
	s.signals.publish(SettingsChanged{})
	return nil
}

// raw are keys of a JSON object with their values as they stand.
type raw map[string]json.RawMessage

// read reads the file. What is wrong with it costs as little as can be: a value of the wrong type becomes its default,
// a file that is not JSON is set aside.
func (s *Settings) read() (v Values, unknown unknownKeys, notice string, err error) {
	v = Defaults()
	data, err := os.ReadFile(s.path)
	if errors.Is(err, os.ErrNotExist) {
		return v, unknown, "", nil
	}
	if err != nil {
		return v, unknown, "", fmt.Errorf("reading the settings: %w", err)
	}
	var all raw
	if err := json.Unmarshal(data, &all); err != nil {
		aside, asideErr := setAside(s.path, time.Now().Format("20060102-150405"))
		if asideErr != nil {
			return v, unknown, "", fmt.Errorf("the settings in %s can't be read (%w), and the file could not be moved away: %w", s.path, err, asideErr)
		}
		return v, unknown, fmt.Sprintf("The settings can't be read (%v). The file has been kept as %s, and the defaults are used.", err, aside), nil
	}
	var wrong *json.UnmarshalTypeError
	if err := json.Unmarshal(data, &v); errors.As(err, &wrong) { // the other fields are read all the same
		notice = fmt.Sprintf("The setting %q in %s can't be a %s; its default is used.", wrong.Field, s.path, wrong.Value)
	} else if err != nil {
		notice = fmt.Sprintf("A setting in %s can't be used: %v.", s.path, err)
	}
	unknown.top = all.without(reflect.TypeFor[Values]())
	var sampling raw
	if json.Unmarshal(all["sampling"], &sampling) == nil {
		unknown.sampling = sampling.without(reflect.TypeFor[sample.Params]())
	}
	return v.Clamp(), unknown, notice, nil
}

// unknownKeys are those of a newer version, to be written back.
type unknownKeys struct{ top, sampling raw }

// without returns the keys that are no fields of the struct t.
func (r raw) without(t reflect.Type) raw {
	rest := maps.Clone(r)
	for i := range t.NumField() {
		key, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		delete(rest, key)
	}
	return rest
}

// with returns the JSON object of v with the keys of r added.
func (r raw) with(v any) (json.RawMessage, error) {
	b, err := json.Marshal(v)
	if err != nil || len(r) == 0 {
		return b, err
	}
	var all raw
	if err := json.Unmarshal(b, &all); err != nil {
		return nil, err
	}
	maps.Copy(all, r)
	return json.Marshal(all)
}

func (s *Settings) write(v Values, unknown unknownKeys) error {
	sampling, err := unknown.sampling.with(v.Sampling)
	if err != nil {
		return err
	}
	top := maps.Clone(unknown.top)
	if top == nil {
		top = raw{}
	}
	top["sampling"] = sampling
	all, err := top.with(v)
	if err != nil {
		return err
	}
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	if err := e.Encode(all); err != nil {
		return err
	}
	return writeFile(s.path, []byte(b.String()))
}
