"""Trains the guide on what `build prepare` left in a folder, and leaves its weights there.

    python3 train.py DIR SECONDS

A small qwen3 (Yang et al. 2025, arXiv:2505.09388): pre-norm blocks, an RMS norm on every query and key head, RoPE over the two
halves of a head, SwiGLU, the output tied to the embedding. Conversations are put together at random from questions and
answers for as long as there is time; the loss counts the answers, and the questions a little. Where an answer begins, a second
output, which is not kept, has to name the fact: many answers begin with the same words, and this makes the model decide at once.
"""
import json, math, os, sys, time

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

DIR, SECONDS = sys.argv[1], float(sys.argv[2])
LAYERS, DIM, HEADS, HEAD, FFN = 8, 320, 5, 64, 768
CONTEXT, EPS, BASE = 2048, 1e-6, 10000.0
ROWS, LENGTH = 128, 256  # of a step
PEAK, WARMUP = 1.5e-3, 0.03
OUTSIDE = 0.36  # of the turns that are declined
SHORT, BEGINNING = 0.5, 12  # of the rows have only the first tokens of each answer, and so more questions
NAMING = 0.5  # what naming the fact counts in the loss

meta = json.load(open(f"{DIR}/training.json"))
VOCAB = meta["vocab"]


class Data(torch.utils.data.IterableDataset):
    """Batches of conversations: tokens [rows, length+1], how much each counts as a target, and the fact to be named at each, or -1."""

    def __init__(self):
        self.tokens = np.fromfile(f"{DIR}/questions.bin", dtype=np.uint16)
        lengths = np.fromfile(f"{DIR}/lengths.bin", dtype=np.uint8).astype(np.int64)
        facts = np.fromfile(f"{DIR}/facts.bin", dtype=np.uint16)
        self.start = np.concatenate([[0], np.cumsum(lengths)])
        fact, follow = facts & 0x7FFF, facts >= 0x8000
        n = len(meta["answers"])
        self.first = [np.nonzero((fact == i) & ~follow)[0] for i in range(n)]
        self.follow = [np.nonzero((fact == i) & follow)[0] for i in range(n)]
        self.can_follow = [i for i in range(n) if len(self.follow[i])]
        self.can_begin = [i for i in range(n - 1) if len(self.first[i])]

    def conversation(self, r):
        ids, count, named = [], [], []
        short = r.random() < SHORT

        def add(part, weight):
            ids.extend(part)
            count.extend([weight] * len(part))
            named.extend([-1] * len(part))

        start, end, newline = [meta["im_start"]], [meta["im_end"]], meta["newline"]
        if r.random() < 0.1:
            system = meta["systems"][r.integers(len(meta["systems"]))]
            add(start + meta["system"] + system + end + newline, 0.0)
        turn = 0
        while len(ids) < LENGTH + 1:
            if turn and r.random() < 0.12:
                i = self.can_follow[r.integers(len(self.can_follow))]
                pool = self.follow[i]
            elif r.random() < OUTSIDE:
                i = len(self.first) - 1
                pool = self.first[i]
            else:
                i = self.can_begin[r.integers(len(self.can_begin))]
                pool = self.first[i]
            at = pool[r.integers(len(pool))]
            question = self.tokens[self.start[at]:self.start[at + 1]].astype(np.int64)
            if r.random() < 0.3:  # a few tokens go wrong, so that no single one decides
                wrong = r.random(len(question)) < 0.06
                question = np.where(wrong, r.integers(0, VOCAB - 3, len(question)), question)
            add(start + meta["user"], 0.0)
            add(question.tolist(), 0.03)
            add(end + newline + start + meta["assistant"], 0.0)
            named[-1] = i
            if short:
                add(meta["answers"][i][:BEGINNING], 1.0)
            else:
                add(meta["answers"][i] + end, 1.0)
                add(newline, 0.0)
            turn += 1
        return ids[: LENGTH + 1], count[: LENGTH + 1], named[:LENGTH]

    def __iter__(self):
        info = torch.utils.data.get_worker_info()
        r = np.random.default_rng([2026, info.id if info else 0])
        while True:
            rows = [self.conversation(r) for _ in range(ROWS)]
            yield tuple(torch.tensor([x[k] for x in rows]) for k in range(3))


class Norm(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(n))

    def forward(self, x):
        y = x.float()
        return (y * torch.rsqrt(y.pow(2).mean(-1, keepdim=True) + EPS) * self.weight).to(x.dtype)


def linear(n_in, n_out, std=0.02):
    m = nn.Linear(n_in, n_out, bias=False)
    nn.init.normal_(m.weight, std=std)
    return m


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.attn_norm, self.ffn_norm = Norm(DIM), Norm(DIM)
        self.q, self.k, self.v = (linear(DIM, HEADS * HEAD) for _ in range(3))
        self.q_norm, self.k_norm = Norm(HEAD), Norm(HEAD)
        self.o = linear(HEADS * HEAD, DIM, 0.02 / math.sqrt(2 * LAYERS))
        self.gate, self.up = linear(DIM, FFN), linear(DIM, FFN)
        self.down = linear(FFN, DIM, 0.02 / math.sqrt(2 * LAYERS))

    def forward(self, x, cos, sin, drop):
        b, n, _ = x.shape
        h = self.attn_norm(x)
        q, k, v = (w(h).view(b, n, HEADS, HEAD).transpose(1, 2) for w in (self.q, self.k, self.v))
        q, k = rope(self.q_norm(q), cos, sin), rope(self.k_norm(k), cos, sin)
        a = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + F.dropout(self.o(a.transpose(1, 2).reshape(b, n, HEADS * HEAD)), drop, self.training)
        h = self.ffn_norm(x)
        return x + F.dropout(self.down(F.silu(self.gate(h)) * self.up(h)), drop, self.training)


def rope(x, cos, sin):
    a, b = x.chunk(2, -1)
    return torch.cat([a * cos - b * sin, b * cos + a * sin], -1).to(x.dtype)


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(VOCAB, DIM)
        nn.init.normal_(self.embed.weight, std=0.02)
        self.blocks = nn.ModuleList(Block() for _ in range(LAYERS))
        self.norm = Norm(DIM)
        self.name = linear(DIM, len(meta["answers"]))  # of the training alone
        angles = torch.outer(torch.arange(CONTEXT).float(), BASE ** (-torch.arange(0, HEAD, 2).float() / HEAD))
        self.register_buffer("cos", angles.cos(), persistent=False)
        self.register_buffer("sin", angles.sin(), persistent=False)

    def forward(self, ids, drop=0.15):
        """The last block's output, normed, of tokens [rows, n]: [rows, n, DIM]."""
        n = ids.shape[1]
        cos, sin = self.cos[:n], self.sin[:n]
        x = F.dropout(self.embed(ids), drop / 2, self.training)
        for block in self.blocks:
            x = block(x, cos, sin, drop)
        return self.norm(x)

    def logits(self, x):
        return F.linear(x, self.embed.weight.to(x.dtype))


def evaluate(model, device, tokens=12):
    """The share of tests whose answer begins as it should: those about Burble, and those to decline."""
    model.eval()
    good, total = [0, 0], [0, 0]
    outside = len(meta["answers"]) - 1
    tests = meta["tests"]
    with torch.no_grad(), torch.autocast(device, dtype=torch.bfloat16):
        for lo in range(0, len(tests), 128):
            batch = tests[lo:lo + 128]
            prompts = [[meta["im_start"]] + meta["user"] + t["question"] + [meta["im_end"]] + meta["newline"] + [meta["im_start"]] + meta["assistant"] for t in batch]
            ids = torch.zeros(len(batch), max(map(len, prompts)) + tokens, dtype=torch.long)
            for i, p in enumerate(prompts):
                ids[i, :len(p)] = torch.tensor(p)
            ids = ids.to(device)
            at = torch.tensor([len(p) for p in prompts], device=device)
            rows = torch.arange(len(batch), device=device)
            for _ in range(tokens):
                ids[rows, at] = model.logits(model(ids)[rows, at - 1]).argmax(-1)
                at = at + 1
            ids = ids.tolist()
            for i, t in enumerate(batch):
                want = meta["answers"][t["fact"]][:tokens]
                got = ids[i][len(prompts[i]):len(prompts[i]) + len(want)]
                kind = int(t["fact"] == outside)
                total[kind] += 1
                good[kind] += got == want
    model.train()
    return [round(100 * g / max(1, t), 1) for g, t in zip(good, total)]


def export(model):
    tensors = [("token_embd.weight", model.embed.weight), ("output_norm.weight", model.norm.weight)]
    for i, b in enumerate(model.blocks):
        for name, m in [("attn_norm", b.attn_norm), ("attn_q", b.q), ("attn_k", b.k), ("attn_v", b.v), ("attn_q_norm", b.q_norm), ("attn_k_norm", b.k_norm),
                        ("attn_output", b.o), ("ffn_norm", b.ffn_norm), ("ffn_gate", b.gate), ("ffn_up", b.up), ("ffn_down", b.down)]:
            tensors.append((f"blk.{i}.{name}.weight", m.weight))
    raw = b"".join(t.detach().cpu().to(torch.float16).numpy().tobytes() for _, t in tensors)
    part = 15 << 20
    for i in range(0, len(raw), part):
        with open(f"{DIR}/weights.bin.{i // part}", "wb") as f:
            f.write(raw[i:i + part])
    json.dump({"Layers": LAYERS, "Dim": DIM, "Heads": HEADS, "HeadDim": HEAD, "FFN": FFN, "Context": CONTEXT, "Eps": EPS, "Rope": BASE,
               "Tensors": [{"Name": n, "Shape": list(t.shape)} for n, t in tensors]}, open(f"{DIR}/weights.json", "w"))


def main():
    torch.manual_seed(2026)
    torch.backends.cuda.matmul.allow_tf32 = True
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = Model().to(device)
    print(f"{sum(p.numel() for p in model.parameters()) / 1e6:.2f} million parameters, vocabulary {VOCAB}", flush=True)
    decay = [p for p in model.parameters() if p.dim() > 1]
    rest = [p for p in model.parameters() if p.dim() < 2]
    optimizer = torch.optim.AdamW([{"params": decay, "weight_decay": 0.1}, {"params": rest, "weight_decay": 0.0}], lr=PEAK, betas=(0.9, 0.95), fused=device == "cuda")
    workers = max(1, min(14, (os.cpu_count() or 2) - 2))
    loader = iter(torch.utils.data.DataLoader(Data(), batch_size=None, num_workers=workers, prefetch_factor=8, pin_memory=device == "cuda"))
    next(loader)
    model.train()
    forward = model
    if device == "cuda":  # compiled before the clock runs
        forward = torch.compile(model)
        with torch.autocast(device, dtype=torch.bfloat16):
            forward(next(loader)[0][:, :-1].to(device)).sum().backward()
        optimizer.zero_grad(set_to_none=True)
        torch.cuda.synchronize()
        print("compiled", flush=True)
    began, step, reported = time.time(), 0, 0.0
    while True:
        done = (time.time() - began) / SECONDS
        if done >= 1:
            break
        rate = PEAK * (done / WARMUP if done < WARMUP else 0.5 * (1 + math.cos(math.pi * (done - WARMUP) / (1 - WARMUP))) + 0.005)
        for g in optimizer.param_groups:
            g["lr"] = rate
        ids, count, named = (t.to(device, non_blocking=True) for t in next(loader))
        weight, target, named = count[:, 1:].flatten(), ids[:, 1:].flatten(), named.flatten()
        counts, decides = weight > 0, named >= 0
        with torch.autocast(device, dtype=torch.bfloat16):
            x = forward(ids[:, :-1]).flatten(0, 1)
            logits, names = model.logits(x[counts]), model.name(x[decides])
        loss = F.cross_entropy(logits.float(), target[counts], reduction="none")
        loss = (loss * weight[counts]).sum() / weight.sum()
        loss = loss + NAMING * F.cross_entropy(names.float(), named[decides])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        step += 1
        if step == 20 or done - reported > 0.25:
            reported = max(done, 0.0)
            inside, outside = evaluate(model, device)
            print(f"{time.time() - began:5.0f} s  step {step}  loss {loss.item():.4f}  held-out {inside} %  declined {outside} %", flush=True)
            export(model)
    inside, outside = evaluate(model, device)
    print(f"{time.time() - began:5.0f} s  step {step}  loss {loss.item():.4f}  held-out {inside} %  declined {outside} %", flush=True)
    export(model)
    os._exit(0)  # the loader's workers have nothing left to say


main()
