package terminal

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"burble/app"
	"burble/app/hub"
)

// runPull downloads a model from Hugging Face. What has arrived when it ends early is kept: the same command goes on.
func runPull(ctx context.Context, s streams, c command, args []string) (err error) {
	fs := c.flags(s)
	list := fs.Bool("list", false, "list what there is, and download nothing")
	var name string
	if err := parse(fs, args, &name); err != nil {
		return err
	}
	h, folder, err := app.OpenHub(app.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	ref := h.Parse(name)
	if ref.Repo == "" {
		return search(ctx, s, h, ref.Search)
	}
	r, err := h.Repository(ctx, ref.Repo, ref.Revision)
	if err != nil {
		return explain(err)
	}
	i, err := r.Choose(ref)
	if err != nil {
		return explain(err)
	}
	machine := h.Machine()
	advice := machine.Advise(r.Models, 0)
	if *list {
		return listModels(s, r, machine, advice)
	}
	if i < 0 {
		if i = advice.Index; i < 0 {
			return fmt.Errorf("no file of %s can be downloaded: %s", r.Name, r.Models[0].Err)
		}
		fmt.Fprintln(s.err, adviceText(r, advice))
	}
	m := r.Models[i]
	id, err := h.Download(r, m)
	if err != nil {
		return explain(err)
	}
	fmt.Fprintf(s.err, "%s, %s, into %s\n", m.Name, gigabytes(m.Size()), folder)
	path, err := follow(ctx, s, h, id)
	if err != nil {
		if errors.Is(err, context.Canceled) {
			fmt.Fprintln(s.err, "What has arrived is kept: the same command goes on from there.")
		}
		return err
	}
	fmt.Fprintln(s.out, path)
	return nil
}

// follow shows how a download gets on until it ends, and returns the model's path.
func follow(ctx context.Context, s streams, h *app.Hub, id int64) (string, error) {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	shown := isTerminal(s.err)
	why := ""
	for {
		for _, d := range h.Downloads() {
			if d.ID != id {
				continue
			}
			if shown {
				fmt.Fprintf(s.err, "\r\x1b[K%s", progressText(d))
			} else if d.Why != "" && d.Why != why && d.State == hub.Running {
				fmt.Fprintf(s.err, "%s; trying again\n", d.Why)
			}
			why = d.Why
			if d.State == hub.Done || d.State == hub.Failed {
				if shown {
					fmt.Fprint(s.err, "\r\x1b[K")
				}
				if d.State == hub.Failed {
					return "", explain(&hub.Problem{Text: d.Why, Page: d.Page, Token: d.Token})
				}
				return d.Path, nil
			}
		}
		select {
		case <-ctx.Done():
			if shown {
				fmt.Fprintln(s.err)
			}
			return "", ctx.Err()
		case <-tick.C:
		}
	}
}

// progressText is a download in a line.
func progressText(d hub.Download) string {
	const width = 30
	full := int(width * d.Done / max(d.Size, 1))
	line := fmt.Sprintf("%s%s %3d %%  %s", strings.Repeat("█", full), strings.Repeat("░", width-full), 100*d.Done/max(d.Size, 1), gigabytes(d.Done))
	switch {
	case d.Stage == hub.StageChecking:
		line += "  checking what is there"
	case d.Stage == hub.StageWaiting:
		line += "  " + d.Why + "; trying again"
	case d.Speed >= 0:
		line += fmt.Sprintf("  %.1f MB/s", d.Speed/1e6)
		if d.Left >= 0 {
			line += fmt.Sprintf("  %s left", d.Left.Round(time.Second))
		}
	}
	return line
}

func gigabytes(n int64) string {
	if n < 1e9 {
		return fmt.Sprintf("%.0f MB", float64(n)/1e6)
	}
	return fmt.Sprintf("%.1f GB", float64(n)/1e9)
}

// search prints repositories that a search finds.
func search(ctx context.Context, s streams, h *app.Hub, words string) error {
	found, err := h.Search(ctx, words)
	if err != nil {
		return explain(err)
	}
	if len(found) == 0 {
		return fmt.Errorf("no repository of GGUF files matches %q", words)
	}
	for _, f := range found {
		gated := ""
		if f.Gated {
			gated = "  (gated)"
		}
		fmt.Fprintf(s.out, "%s%s\n", f.Repo, gated)
	}
	fmt.Fprintln(s.err, "Name one of them: burble pull OWNER/NAME")
	return nil
}

// listModels prints what a repository holds, and which of it suits this machine.
func listModels(s streams, r hub.Repository, machine hub.Machine, advice hub.Advice) error {
	w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	for _, m := range r.Models {
		note := map[hub.Fit]string{hub.FitGPU: "fits the GPU", hub.FitPartly: "partly on the GPU", hub.FitCPU: "fits memory", hub.FitNot: "too large"}[machine.Fit(hub.Need(m.Size(), 0))]
		if m.Err != "" {
			note = m.Err
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", cmp.Or(m.Quant, "-"), gigabytes(m.Size()), note, m.Name)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if advice.Index >= 0 {
		fmt.Fprintln(s.err, adviceText(r, advice))
	}
	return nil
}

// adviceText says in a sentence which model suits this machine, and why.
func adviceText(r hub.Repository, a hub.Advice) string {
	m := r.Models[a.Index]
	name := cmp.Or(m.Quant, m.Name)
	switch a.Reason {
	case hub.ReasonGPU:
		return fmt.Sprintf("%s suits this machine: it is the best that the GPU's %s hold whole.", name, gigabytes(a.Have))
	case hub.ReasonPartly:
		return fmt.Sprintf("%s suits this machine: it takes about %s, so the GPU's %s hold part of it and the processor runs the rest.", name, gigabytes(a.Need), gigabytes(a.Have))
	case hub.ReasonCPU:
		return fmt.Sprintf("%s suits this machine: it fits the %s of memory, and larger ones are slower on a processor.", name, gigabytes(a.Have))
	}
	return fmt.Sprintf("None of them fits this machine: the smallest takes about %s.", gigabytes(a.Need))
}

// explain adds to a problem where in the terminal help is found.
func explain(err error) error {
	var p *hub.Problem
	if !errors.As(err, &p) {
		return err
	}
	text := p.Text
	if p.Page != "" {
		text += "\n  " + p.Page
	}
	if p.Token {
		text += "\nIn the terminal, the token is taken from the environment variable HF_TOKEN, or from where the window has kept it."
	}
	return errors.New(text)
}
