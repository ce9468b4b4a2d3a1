"""The image engine against others: CPU, memory and similarity, interleaved. `python -m bench.engine`.

In reading order: `__main__` (the command), `classes` (the measured classes), `originals` and `images` (their files),
`engines` and `sharp.mjs` (the engines), `worker` and `threads` (how), `quality` (SSIM against a float reference),
`report` (tables and plot).
"""
