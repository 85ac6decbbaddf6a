#!/usr/bin/env python3
"""Records what PyTorch and Hugging Face transformers compute for small random models.

    python make.py CASE_DIR...

A case is described by its `config.json`; the script adds

    weights.safetensors   the parameters at the start, float16, Hugging Face's names
    tensors.safetensors   inputs `in.*`, outputs `out.*`, gradients `grad.*`

Weights are drawn from the config's `seed` and rounded to half precision first, so that the small files hold them exactly.
Everything is computed in double precision and stored as float32: the deviations that a test sees are the engine's own.

Fields of `config.json`: `kind`, `seed`, `swin`, `head`, `shape` [batch, height, width]; for `ttt` also `steps`, `hyper`, and
`record_up_to`: gradients and end parameters of larger tensors are left out, unless their name matches one of
`record_also`.

The seeds of the `ttt` cases are chosen: no input of a ReLU and no place of a sample is closer to a kink of its gradient than
a few times the rounding of single precision, at any step. Over a kink, gradients jump, and end parameters differ by more than
the tolerance although nothing is wrong.

Recorded with torch 2.11 and transformers 4.57.6.
"""
import fnmatch
import json
import pathlib
import sys

import torch
from safetensors.torch import save_file
from torch.nn import functional as F
from transformers import Mask2FormerConfig, Mask2FormerForUniversalSegmentation, SwinBackbone, SwinConfig

NO_DECAY = (torch.nn.LayerNorm, torch.nn.GroupNorm, torch.nn.Embedding)
ENCODER = "model.pixel_level_module.encoder."


def swin_config(c):
    return SwinConfig(
        num_channels=4, patch_size=4, embed_dim=c["embed"], depths=c["depths"], num_heads=c["heads"],
        window_size=c["window"], drop_path_rate=0.0, out_features=[f"stage{i + 1}" for i in range(4)])


def mask2former(swin, head):
    hidden = head["hidden"]
    return Mask2FormerForUniversalSegmentation(Mask2FormerConfig(
        backbone_config=swin_config(swin), feature_size=hidden, mask_feature_size=hidden, hidden_dim=hidden,
        encoder_layers=head["encoder_layers"], encoder_feedforward_dim=head["encoder_ffn"],
        decoder_layers=head["decoder_layers"] + 1, dim_feedforward=head["decoder_ffn"],
        num_attention_heads=head["heads"], num_queries=head["queries"], num_labels=head["classes"], dropout=0.0))


def shake(model):
    """Noise on the initial values: where a parameter is 0 or 1, wrong wiring would not show."""
    with torch.no_grad():
        for p in model.parameters():
            noise = torch.randn_like(p) * (p[0].numel() ** -0.5 if p.ndim > 1 else 0.1)
            p.copy_((p + noise).half())
    return model.eval().double()


def picture(batch, height, width):
    """Waves of random direction in every channel, and noise: bytes (batch, 3, height, width)."""
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    direction = torch.rand(batch, 3, 2, 1, 1) * 0.6 - 0.3
    wave = torch.sin(direction[:, :, 0] * y + direction[:, :, 1] * x + 6 * torch.rand(batch, 3, 1, 1))
    return (127.5 + 90 * wave + 12 * torch.randn(batch, 3, height, width)).clamp(0, 255).round().to(torch.uint8)


def normalised(image):
    mean = torch.tensor([123.675, 116.28, 103.53]).view(3, 1, 1)
    std = torch.tensor([58.395, 57.12, 57.375]).view(3, 1, 1)
    return (image.to(mean.dtype) - mean) / std


def visible(x):
    return torch.cat([x, torch.ones_like(x[:, :1])], 1)


def swin_case(c):
    model = shake(SwinBackbone(swin_config(c["swin"])))
    x = visible(normalised(picture(*c["shape"])))
    with torch.no_grad():
        maps = model(x).feature_maps
    return dict(model.named_parameters()), {"in.x": x} | {f"out.res{i + 2}": m for i, m in enumerate(maps)}


def mask2former_case(c):
    model = shake(mask2former(c["swin"], c["head"]))
    x = visible(normalised(picture(*c["shape"])))
    with torch.no_grad():
        pixel = model.model.pixel_level_module(x)
        out = model(pixel_values=x)
        classes, masks = out.class_queries_logits, out.masks_queries_logits
        large = F.interpolate(masks, size=c["shape"][1:], mode="bilinear", align_corners=False)
        scores = (classes.softmax(-1)[:, :, :-1, None, None] * large.sigmoid()[:, :, None]).sum(1)
    tensors = {"in.x": x, "out.mask_features": pixel.decoder_last_hidden_state, "out.class_logits": classes,
               "out.mask_logits": masks, "out.semantic": scores}
    return dict(model.named_parameters()), tensors | {
        f"out.multi_scale.{i}": f for i, f in enumerate(pixel.decoder_hidden_states)}


def block_mask(batch, height, width, side, ratio):
    """(batch, 1, height, width), 1 = visible; every sample keeps the same number of blocks."""
    rows, columns = height // side, width // side
    rank = torch.rand(batch, rows * columns).argsort(1).argsort(1)
    kept = (rank < int(rows * columns * (1 - ratio))).view(batch, 1, rows, columns)
    return F.interpolate(kept.to(torch.get_default_dtype()), scale_factor=side, mode="nearest")


def optimiser(model, h):
    """AdamW: the encoder has a rate of its own; norms, embeddings and position-bias tables do not decay."""
    kept = {id(p) for m in model.modules() if isinstance(m, NO_DECAY) for p in m.parameters(recurse=False)}
    groups = []
    for name, p in learning(model):
        free = id(p) in kept or "relative_position_bias_table" in name
        groups.append({"params": [p], "weight_decay": 0.0 if free else h["weight_decay"],
                       "lr": h["lr"] * (h["encoder_lr_multiplier"] if name.startswith(ENCODER) else 1.0)})
    return torch.optim.AdamW(groups)


def learning(model):
    return [(n, p) for n, p in model.named_parameters() if not n.startswith("class_predictor")]


def ttt_case(c):
    """Gradient steps on masked reconstruction: 48 queries are the 4x4 pixels of 3 channels."""
    h = c["hyper"]
    model = shake(mask2former(c["swin"], c["head"]))
    start = {n: p.detach().clone() for n, p in learning(model)}
    wanted = lambda n: any(fnmatch.fnmatchcase(n, pattern) for pattern in c["record_also"])
    recorded = {n for n, p in start.items() if p.numel() <= c["record_up_to"] or wanted(n)}
    tensors, losses, norms = {}, [], []
    adamw = optimiser(model, h)
    for s in range(c["steps"]):
        image = picture(*c["shape"])
        mask = block_mask(*c["shape"], h["mask_patch"], h["mask_ratio"])
        x = normalised(image)
        queries = model(pixel_values=torch.cat([x * mask, mask], 1)).masks_queries_logits
        rebuilt = F.pixel_shuffle(queries, 4)
        error = (rebuilt - x) ** 2
        loss = error.mean() if h["loss_over"] == "all" else error[(mask == 0).expand_as(error)].mean()
        if h["restart_optimizer"]:
            adamw = optimiser(model, h)
        adamw.zero_grad()
        loss.backward()
        if s == 0:
            tensors |= {f"grad.{n}": p.grad.clone() for n, p in learning(model) if n in recorded and p.grad is not None}
            tensors["out.reconstruction.0"] = rebuilt
        norms.append(torch.nn.utils.clip_grad_norm_([p for _, p in learning(model)], h["clip_norm"]))
        losses.append(loss.detach())
        adamw.step()
        tensors |= {f"in.image_u8.{s}": image, f"in.mask.{s}": mask.to(torch.uint8)}
    tensors |= {"out.losses": torch.stack(losses), "out.grad_norms": torch.stack(norms)}
    tensors |= {f"out.param.{n}": p for n, p in learning(model) if n in recorded and p.grad is not None}
    return start, tensors


def main():
    torch.set_default_dtype(torch.float64)
    for folder in map(pathlib.Path, sys.argv[1:] or sys.exit(__doc__)):
        c = json.loads((folder / "config.json").read_text())
        torch.manual_seed(c["seed"])
        weights, tensors = {"swin": swin_case, "mask2former": mask2former_case, "ttt": ttt_case}[c["kind"]](c)
        stored = {n: t.detach() if t.dtype == torch.uint8 else t.detach().float() for n, t in tensors.items()}
        for file, content in [("weights", {n: p.detach().half() for n, p in weights.items()}), ("tensors", stored)]:
            # To a temporary name first: an interrupted run leaves the old case whole.
            new = folder / f".{file}.tmp"
            save_file({n: t.contiguous() for n, t in content.items()}, new)
            new.chmod(0o644)
            new.rename(folder / f"{file}.safetensors")
        size = sum(f.stat().st_size for f in folder.iterdir())
        print(f"{folder.name}: {len(weights)} parameters, {len(tensors)} tensors, {size // 1024} KiB")


if __name__ == "__main__":
    main()
