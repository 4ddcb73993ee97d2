package app

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode/utf8"
)

// Preset is a named set of parameters, and perhaps a model to go with them.
type Preset struct {
	ID    int64  `json:"-"` // 0: the settings' own, which is always there
	Name  string `json:"name"`
	Model string `json:"model,omitempty"` // path of the model's file, loaded when the preset is chosen; empty: whatever is loaded
	Parameters
}

// Presets are the user's presets. See ChatOptions for how a chat has one, and Values.Preset for that of new chats.
type Presets struct {
	ctx      context.Context // of the App
	store    *store
	settings *Settings
	signals  *hub
}

// Limits of presets.
const (
	MaxPresetName = 60      // characters
	maxPresetFile = 1 << 20 // bytes
	maxPresets    = 1000
)

// ErrNoPreset is wrapped by what Presets says of an ID that is not there, for errors.Is.
var ErrNoPreset = errors.New("there is no such preset any more")

// List returns all presets: the settings' own first, then by name.
func (p *Presets) List() ([]Preset, error) {
	list, err := p.query("deleted IS NULL ORDER BY name COLLATE NOCASE, id")
	if err != nil {
		return nil, err
	}
	return append([]Preset{p.own()}, list...), nil
}

// own is the preset that the settings are.
func (p *Presets) own() Preset { return Preset{Parameters: p.settings.Get().parameters()} }

// Get returns one preset. 0 is the settings' own.
func (p *Presets) Get(id int64) (Preset, error) {
	if id == 0 {
		return p.own(), nil
	}
	list, err := p.query("id = ? AND deleted IS NULL", id)
	if err != nil {
		return Preset{}, err
	}
	if len(list) == 0 {
		return Preset{}, fmt.Errorf("preset %d: %w", id, ErrNoPreset)
	}
	return list[0], nil
}

// Of returns the preset of a chat with these options: its own or, where it has none or that has been deleted, the one of
// new chats, or else the settings.
func (p *Presets) Of(o ChatOptions) (Preset, error) {
	ids := []int64{p.settings.Get().Preset, 0}
	if o.Preset != nil {
		ids = append([]int64{*o.Preset}, ids...)
	}
	for _, id := range ids {
		preset, err := p.Get(id)
		if !errors.Is(err, ErrNoPreset) {
			return preset, err
		}
	}
	return p.own(), nil
}

// Parameters returns what a chat with these options uses.
func (p *Presets) Parameters(o ChatOptions) (Parameters, error) {
	preset, err := p.Of(o)
	return o.Over(preset.Parameters), err
}

// portable returns the options of a chat for another machine: it lacks the preset, so what that says goes with them.
func (c *Chats) portable(o ChatOptions) ChatOptions {
	if o.Preset == nil {
		return o
	}
	p, err := c.presets.Parameters(o)
	if err != nil {
		o.Preset = nil
		return o
	}
	return p.explicit()
}

func (p *Presets) query(where string, args ...any) ([]Preset, error) {
	rows, err := p.store.db.QueryContext(p.ctx, "SELECT id, name, model, parameters FROM presets WHERE "+where, args...)
	if err != nil {
		return nil, fmt.Errorf("reading the presets: %w", err)
	}
	defer rows.Close()
	var list []Preset
	for rows.Next() {
		var preset Preset
		var parameters string
		if err := rows.Scan(&preset.ID, &preset.Name, &preset.Model, &parameters); err != nil {
			return nil, fmt.Errorf("reading the presets: %w", err)
		}
		if err := json.Unmarshal([]byte(parameters), &preset.Parameters); err != nil {
			return nil, fmt.Errorf("reading the preset %q: %w", preset.Name, err)
		}
		preset.Parameters = preset.Parameters.Clamp()
		list = append(list, preset)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("reading the presets: %w", err)
	}
	return list, nil
}

// Create adds a preset and returns it with its ID. Its ID and values beyond their limits are not looked at, and a name
// that is taken gets a number.
func (p *Presets) Create(preset Preset) (Preset, error) {
	name, err := presetName(preset.Name)
	if err != nil {
		return Preset{}, err
	}
	preset.Parameters = preset.Parameters.Clamp()
	b, err := json.Marshal(preset.Parameters)
	if err != nil {
		return Preset{}, fmt.Errorf("making a preset: %w", err)
	}
	err = p.store.transact(p.ctx, func(tx *sql.Tx) error {
		taken, err := p.names(tx)
		if err != nil {
			return err
		}
		if len(taken) >= maxPresets {
			return fmt.Errorf("there are %d presets, which is as many as Burble keeps: delete one first", len(taken))
		}
		preset.Name = name
		for i := 2; taken[strings.ToLower(preset.Name)]; i++ {
			preset.Name = fmt.Sprintf("%s %d", name, i)
		}
		r, err := tx.ExecContext(p.ctx, "INSERT INTO presets (name, model, parameters) VALUES (?, ?, ?)", preset.Name, preset.Model, string(b))
		if err != nil {
			return err
		}
		preset.ID, err = r.LastInsertId()
		return err
	})
	if err != nil {
		return Preset{}, fmt.Errorf("making a preset: %w", err)
	}
	p.signals.publish(PresetsChanged{})
	return preset, nil
}

// names returns the names that are taken, in lower case.
func (p *Presets) names(q querier) (map[string]bool, error) {
	rows, err := q.QueryContext(p.ctx, "SELECT name FROM presets WHERE deleted IS NULL")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	taken := map[string]bool{}
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		taken[strings.ToLower(name)] = true
	}
	return taken, rows.Err()
}

// presetName brings a name into shape.
func presetName(name string) (string, error) {
	name = strings.Join(strings.Fields(strings.ToValidUTF8(name, "")), " ")
	if name == "" {
		return "", errors.New("a preset's name can't be empty")
	}
	if utf8.RuneCountInString(name) > MaxPresetName {
		name = strings.TrimSpace(string([]rune(name)[:MaxPresetName]))
	}
	return name, nil
}

// Update stores another state of the preset with preset's ID, for all chats that have it.
func (p *Presets) Update(preset Preset) error {
	name, err := presetName(preset.Name)
	if err != nil {
		return err
	}
	b, err := json.Marshal(preset.Parameters.Clamp())
	if err != nil {
		return fmt.Errorf("changing the preset: %w", err)
	}
	err = p.store.transact(p.ctx, func(tx *sql.Tx) error {
		var other int
		err := tx.QueryRowContext(p.ctx, "SELECT count(*) FROM presets WHERE deleted IS NULL AND id <> ? AND name = ? COLLATE NOCASE", preset.ID, name).Scan(&other)
		if err != nil {
			return err
		}
		if other > 0 {
			return fmt.Errorf("there is another preset called %q: choose another name", name)
		}
		r, err := tx.ExecContext(p.ctx, "UPDATE presets SET name = ?, model = ?, parameters = ? WHERE id = ? AND deleted IS NULL",
			name, preset.Model, string(b), preset.ID)
		if err != nil {
			return err
		}
		if n, err := r.RowsAffected(); err != nil || n == 0 {
			return errors.Join(ErrNoPreset, err)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("changing the preset: %w", err)
	}
	p.signals.publish(PresetsChanged{})
	return nil
}

// Rename gives a preset another name.
func (p *Presets) Rename(id int64, name string) error {
	preset, err := p.named(id)
	if err != nil {
		return err
	}
	preset.Name = name
	return p.Update(preset)
}

// named returns a preset that the user made or can change.
func (p *Presets) named(id int64) (Preset, error) {
	if id == 0 {
		return Preset{}, errors.New("these are the settings, not a preset")
	}
	return p.Get(id)
}

// Duplicate makes a copy of a preset under a name of its own. 0 copies the settings, and needs a name.
func (p *Presets) Duplicate(id int64, name string) (Preset, error) {
	preset, err := p.Get(id)
	if err != nil {
		return Preset{}, err
	}
	if name != "" {
		preset.Name = name
	}
	return p.Create(preset)
}

// Delete removes a preset. Chats that have it use that of new chats until Restore brings it back, for 30 days.
func (p *Presets) Delete(id int64) error {
	return p.change("deleting the preset", "UPDATE presets SET deleted = ? WHERE id = ? AND deleted IS NULL", time.Now().UnixMilli(), id)
}

// Restore undoes Delete.
func (p *Presets) Restore(id int64) error {
	return p.change("restoring the preset", "UPDATE presets SET deleted = NULL WHERE id = ?", id)
}

func (p *Presets) change(doing, statement string, args ...any) error {
	if err := p.store.execOne(p.ctx, ErrNoPreset, statement, args...); err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	p.signals.publish(PresetsChanged{})
	return nil
}

// SetDefault makes a preset that of new chats, and of those that have none of their own. 0 is the settings.
func (p *Presets) SetDefault(id int64) error {
	if _, err := p.Get(id); err != nil {
		return err
	}
	return p.settings.Update(func(v *Values) { v.Preset = id })
}

// presetFormat marks the JSON files of Export.
const presetFormat = "burble-preset-1"

// presetFile is what Export writes.
type presetFile struct {
	Format string `json:"format"`
	Preset
}

// Export writes one preset as JSON. It holds no paths: whoever reads it has other models.
func (p *Presets) Export(w io.Writer, id int64) error {
	preset, err := p.Get(id)
	if err != nil {
		return err
	}
	preset.Model = ""
	if id == 0 {
		preset.Name = "Settings"
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	if err := e.Encode(presetFile{presetFormat, preset}); err != nil {
		return fmt.Errorf("writing the preset %q: %w", preset.Name, err)
	}
	return nil
}

// Import adds the preset that Export wrote to the file at path. The file can't choose a model: that is the user's to do.
func (p *Presets) Import(path string) (Preset, error) {
	f, err := os.Open(path)
	if err != nil {
		return Preset{}, fmt.Errorf("reading a preset: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxPresetFile+1))
	if err != nil {
		return Preset{}, fmt.Errorf("reading a preset: %w", err)
	}
	if len(b) > maxPresetFile {
		return Preset{}, fmt.Errorf("%s is too large for a preset", path)
	}
	var file presetFile
	if err := json.Unmarshal(b, &file); err != nil || file.Format != presetFormat {
		return Preset{}, errors.Join(fmt.Errorf("%s is no preset: choose a file that Burble exported", path), err)
	}
	file.Model = ""
	return p.Create(file.Preset)
}
