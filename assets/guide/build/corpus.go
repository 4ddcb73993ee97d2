package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// fact is one thing the guide knows: an answer, and the many ways to ask for it.
type fact struct {
	ID     string
	Answer string
	Keys   []string // words that the answer must keep when it is edited
	Def    []string // things to be explained: "the KV cache"
	How    []string // things to do: "load a model"
	Where  []string // things to be found: "the models folder"
	Ask    []string // whole questions
	Follow []string // whole questions that only make sense after another
}

// corpus is everything the guide is trained on.
type corpus struct {
	Facts   []fact
	Outside fact                // questions that it declines
	Lists   map[string][]string // what {noun} and the like in Outside stand for
}

// readCorpus reads the files of a folder: facts, each after a line "== id", and what is outside in outside.txt.
// Files whose names begin with zz-more add to facts of the others.
func readCorpus(dir string) (*corpus, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.txt"))
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%s has no texts", dir)
	}
	slices.Sort(files)
	c := &corpus{Lists: map[string][]string{}}
	for _, path := range files {
		if err := c.readFile(path); err != nil {
			return nil, fmt.Errorf("%s: %w", filepath.Base(path), err)
		}
	}
	seen := map[string]bool{}
	for _, f := range c.Facts {
		if seen[f.ID] || f.Answer == "" || len(f.Keys) == 0 || len(f.Ask)+len(f.Follow) == 0 {
			return nil, fmt.Errorf("fact %q is there twice, or lacks its answer, keys or questions", f.ID)
		}
		seen[f.ID] = true
		for _, k := range f.Keys {
			if !strings.Contains(f.Answer, k) {
				return nil, fmt.Errorf("fact %q: the answer lacks its own key %q", f.ID, k)
			}
		}
	}
	if c.Outside.Answer == "" {
		return nil, errors.New("outside.txt has no answer")
	}
	return c, nil
}

func (c *corpus) readFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	outside := filepath.Base(path) == "outside.txt"
	current := &c.Outside
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if id, ok := strings.CutPrefix(line, "== "); ok && !outside {
			if i := slices.IndexFunc(c.Facts, func(f fact) bool { return f.ID == id }); i >= 0 && strings.HasPrefix(filepath.Base(path), "zz-more") {
				current = &c.Facts[i]
				continue
			}
			c.Facts = append(c.Facts, fact{ID: id})
			current = &c.Facts[len(c.Facts)-1]
			continue
		}
		key, value, ok := strings.Cut(line, ":")
		if !ok || (!outside && len(c.Facts) == 0) {
			return fmt.Errorf("line %d is %q", n, line)
		}
		value = strings.TrimSpace(value)
		list := strings.Split(value, " | ")
		switch key {
		case "ans":
			current.Answer = value
		case "key":
			current.Keys = append(current.Keys, list...)
		case "def":
			current.Def = append(current.Def, list...)
		case "how":
			current.How = append(current.How, list...)
		case "where":
			current.Where = append(current.Where, list...)
		case "ask":
			current.Ask = append(current.Ask, list...)
		case "follow":
			current.Follow = append(current.Follow, list...)
		default:
			if !outside {
				return fmt.Errorf("line %d: what is %q?", n, key)
			}
			c.Lists[key] = list
		}
	}
	return lines.Err()
}

// question is one for the evaluation, with the fact that answers it, or none where it is to be declined.
type question struct {
	Fact string
	Text string
}

// readEvaluation reads the questions that the guide is never trained on.
func readEvaluation(dir string) ([]question, error) {
	var list []question
	inside, err := os.ReadFile(filepath.Join(dir, "inside.txt"))
	if err != nil {
		return nil, err
	}
	for _, line := range strings.Split(string(inside), "\n") {
		if id, questions, ok := strings.Cut(line, ": "); ok && !strings.HasPrefix(line, "#") {
			for _, q := range strings.Split(questions, " | ") {
				list = append(list, question{id, strings.TrimSpace(q)})
			}
		}
	}
	outside, err := os.ReadFile(filepath.Join(dir, "outside.txt"))
	if err != nil {
		return nil, err
	}
	for _, line := range strings.Split(string(outside), "\n") {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			list = append(list, question{"", line})
		}
	}
	return list, nil
}

// plain is a question without what augmentation changes at will, for telling whether two are the same.
func plain(q string) string {
	return strings.Join(strings.FieldsFunc(strings.ToLower(q), func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r >= 0x80)
	}), " ")
}
