package ui

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"burble/app"
	"burble/app/attach"
	"burble/inference"
	"burble/inference/sample"
)

// presetShelf is what a fake keeps of presets and files.
type presetShelf struct {
	presets     []app.Preset
	gonePresets map[int64]app.Preset
	documents   map[string]attach.Document // by path; others can't be read
	texts       map[int64]string           // of attachments
	sent        []attach.Document          // with the last message
	hold        func(path string)          // called while a file is read
}

var errScanned = errors.New("scan.pdf can't be attached: " + attach.ErrScanned.Error())

func (f fakeChats) ReadAttachment(ctx context.Context, path string) (attach.Document, error) {
	if f.hold != nil {
		f.hold(path)
	}
	d, ok := f.documents[path]
	if !ok {
		return d, errScanned
	}
	d.Name = filepath.Base(path)
	return d, ctx.Err()
}

func (f fakeChats) SendWith(id int64, text string, files []attach.Document) error {
	if err := f.Send(id, text); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sent = files
	list := f.messages[id]
	m := &list[len(list)-2]
	for _, d := range files {
		f.next++
		m.Attachments = append(m.Attachments, app.Attachment{ID: f.next, Name: d.Name, Kind: d.Kind, Bytes: d.Bytes, Note: d.Note})
		if f.texts == nil {
			f.texts = map[int64]string{}
		}
		f.texts[f.next] = d.Text
	}
	return nil
}

func (f fakeChats) AttachmentText(id int64) (string, error) { return f.texts[id], nil }

func (f fakeChats) SetOptions(id int64, o app.ChatOptions) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if c := f.at(id); c != nil {
		c.Options = o
	} else if f.temporary != nil {
		f.temporary.Options = o
	}
	return nil
}

// CountTokens takes a word for a token.
func (f fakeModels) CountTokens(text string) (int, bool) {
	return len(strings.Fields(text)), f.current != nil
}

// Tokens takes a word for a token, with the blank before it. Its number is its length.
func (f fakeModels) Tokens(text string) (list []inference.Alternative, ok bool) {
	for word := range strings.SplitAfterSeq(text, " ") {
		if word != "" {
			list = append(list, inference.Alternative{ID: int32(len(word)), Text: word})
		}
	}
	return list, f.current != nil
}

func (f fakeModels) TokenText(id int32) (string, bool) {
	return strings.Repeat("x", int(id)), f.current != nil && id < 1000
}

type fakePresets struct{ *fake }

func newPresets() []app.Preset {
	precise, creative := sample.Defaults(), sample.Defaults()
	precise.Temperature, creative.Temperature = 0.2, 1.1
	return []app.Preset{
		{ID: 1, Name: "Balanced", Parameters: app.Parameters{Sampling: sample.Defaults()}},
		{ID: 2, Name: "Creative", Parameters: app.Parameters{Sampling: creative}},
		{ID: 3, Name: "Precise", Parameters: app.Parameters{System: "Be exact.", Sampling: precise, Stop: []string{"END"}}},
	}
}

func (f fakePresets) own() app.Preset {
	return app.Preset{Parameters: app.Parameters{System: f.values.SystemPrompt, Sampling: f.values.Sampling, MaxTokens: f.values.MaxTokens, Lookup: f.values.Lookup}}
}

func (f fakePresets) List() ([]app.Preset, error) {
	return append([]app.Preset{f.own()}, f.presets...), nil
}

func (f fakePresets) Get(id int64) (app.Preset, error) {
	if id == 0 {
		return f.own(), nil
	}
	if i := f.index(id); i >= 0 {
		return f.presets[i], nil
	}
	return app.Preset{}, app.ErrNoPreset
}

func (f fakePresets) index(id int64) int {
	return slices.IndexFunc(f.presets, func(p app.Preset) bool { return p.ID == id })
}

func (f fakePresets) Of(o app.ChatOptions) (app.Preset, error) {
	id := f.values.Preset
	if o.Preset != nil {
		id = *o.Preset
	}
	if p, err := f.Get(id); err == nil {
		return p, nil
	}
	return f.own(), nil
}

func (f fakePresets) Create(p app.Preset) (app.Preset, error) {
	if strings.TrimSpace(p.Name) == "" {
		return p, errors.New("a preset's name can't be empty")
	}
	f.next++
	p.ID = 100 + f.next
	f.presets = append(f.presets, p)
	f.signals <- app.PresetsChanged{}
	return p, nil
}

func (f fakePresets) Update(p app.Preset) error {
	i := f.index(p.ID)
	if i < 0 {
		return app.ErrNoPreset
	}
	f.presets[i] = p
	f.signals <- app.PresetsChanged{}
	return nil
}

func (f fakePresets) Rename(id int64, name string) error {
	p, err := f.Get(id)
	if err != nil {
		return err
	}
	p.Name = name
	return f.Update(p)
}

func (f fakePresets) Duplicate(id int64, name string) (app.Preset, error) {
	p, err := f.Get(id)
	if err != nil {
		return p, err
	}
	if name == "" {
		name = p.Name + " 2"
	}
	p.Name = name
	return f.Create(p)
}

func (f fakePresets) Delete(id int64) error {
	i := f.index(id)
	if i < 0 {
		return app.ErrNoPreset
	}
	if f.gonePresets == nil {
		f.gonePresets = map[int64]app.Preset{}
	}
	f.gonePresets[id] = f.presets[i]
	f.presets = slices.Delete(f.presets, i, i+1)
	f.signals <- app.PresetsChanged{}
	return nil
}

func (f fakePresets) Restore(id int64) error {
	f.presets = append(f.presets, f.gonePresets[id])
	f.signals <- app.PresetsChanged{}
	return nil
}

func (f fakePresets) SetDefault(id int64) error {
	f.values.Preset = id
	f.signals <- app.SettingsChanged{}
	return nil
}

func (f fakePresets) Export(w io.Writer, id int64) error {
	_, err := io.WriteString(w, "{}")
	return err
}

func (f fakePresets) Import(string) (app.Preset, error) {
	return f.Create(app.Preset{Name: "Imported", Parameters: app.Parameters{Sampling: sample.Defaults()}})
}
