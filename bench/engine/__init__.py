"""The image engine against others: CPU, memory and likeness, side by side and interleaved. `python -m bench.engine`.

In reading order: `__main__` (the command), `classes` (what is measured), `originals` and `images` (on what),
`engines` and `sharp.mjs` (who is measured), `worker` and `threads` (how), `quality` (SSIM against a float gold),
`report` (table and plot).
"""
