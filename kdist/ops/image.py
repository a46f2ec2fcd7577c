"""The ops on images, under one name (`keras.ops.image`)."""

# ruff: noqa: F401
from __future__ import annotations

from kdist.ops.image_color import hsv_to_rgb, rgb_to_grayscale, rgb_to_hsv
from kdist.ops.image_filter import gaussian_blur, sobel_edges, ssim
from kdist.ops.image_frame import crop_images, extract_patches, extract_patches_3d, pad_images
from kdist.ops.image_resize import resize, scale_and_translate
from kdist.ops.image_warp import (
    affine_transform,
    elastic_transform,
    map_coordinates,
    perspective_transform,
)
