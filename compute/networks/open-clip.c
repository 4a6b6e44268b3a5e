/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "compute/networks/clip.h"

/*
 * OpenCLIP's open_clip_config.json: {"model_cfg": {"embed_dim", "quick_gelu", "vision_cfg", "text_cfg", "multimodal_cfg"},
 * "preprocess_cfg"}. It can ask for much more than the towers that most of its checkpoints have; each such wish is refused by
 * name, since a tower built without heeding it would give vectors that look right and are not.
 */

bool
open_clip_is_config(const struct config *config)
{
  return config_has(config, "model_cfg");
}

bool
open_clip_is_coca(const struct config *config)
{
  return config_has(config_child(config, "model_cfg"), "multimodal_cfg");
}

/* Absent, false or 0. */
static bool
asks_nothing(const struct config *value)
{
  double number;

  return !value || !config_flag(value, true) || !config_value(value, 0, 0, &number, NULL);
}

static enum compute_status
refuse_others(const struct config *section, const char *name, const char *const *keys, struct compute_error *error)
{
  for (; *keys; keys++)
    if (!asks_nothing(config_child(section, *keys)))
      return compute_fail(
          error, COMPUTE_ERROR_UNSUPPORTED,
          "%s asks for %s, which this program does not know: of OpenCLIP's models it knows the plain ViT "
          "ones; is there a conversion to Hugging Face's layout?",
          name, *keys);
  return COMPUTE_OK;
}

/* A string that must be one of two, if it is there at all; other may be NULL. */
static enum compute_status
expect(const struct config *section, const char *key, const char *one, const char *other, struct compute_error *error)
{
  const char *value = config_string(section, key);

  if (!config_has(section, key) || (value && (strcmp(value, one) == 0 || (other && strcmp(value, other) == 0))))
    return COMPUTE_OK;
  return compute_fail(error, COMPUTE_ERROR_UNSUPPORTED, "%s is “%.60s”, which this program does not know", key,
                      value ? value : "no word");
}

/* A side as a number or as [number, the same number]. */
static enum compute_status
read_side(const struct config *section, const char *key, int64_t fallback, int64_t *side, struct compute_error *error)
{
  const struct config *list = config_child(section, key);
  double first, second;

  if (!list || config_count(list) == 0)
    return config_integer_or(section, key, 1, 4096, fallback, side, error);
  if (config_count(list) != 2 || config_value(config_at(list, 0), 1, 4096, &first, NULL) ||
      config_value(config_at(list, 1), 1, 4096, &second, NULL) || first != second || first != (double)(int64_t)first)
    return compute_fail(error, COMPUTE_ERROR_UNSUPPORTED,
                        "%s must be one whole number: pictures and patches are square", key);
  *side = (int64_t)first;
  return COMPUTE_OK;
}

/* What both towers say alike. */
static enum compute_status
read_tower(const struct config *section, const char *name, bool quick_gelu, int64_t default_width,
           struct transformer *t, struct compute_error *error)
{
  static const char *const others[] = { "ls_init_value",    "qk_norm",    "scaled_cosine_attn", "scale_heads",
                                        "scale_attn_inner", "scale_attn", "scale_fc",           NULL };
  const struct config *activation = config_child(section, "act_kwargs");
  double ratio;
  enum compute_status status;

  if ((status = refuse_others(section, name, others, error)) ||
      (status = expect(section, "block_type", "default", NULL, error)) ||
      (status = config_integer_or(section, "width", 4, 8192, default_width, &t->width, error)) ||
      (status = config_integer_or(section, "layers", 1, 128, 12, &t->depth, error)) ||
      (status = config_number_or(section, "mlp_ratio", 1e-3, 64, 4, &ratio, error)) ||
      (status = config_number_or(config_child(section, "norm_kwargs"), "eps", 0, 1, 1e-5, &t->epsilon, error)) ||
      (status = expect(activation, "approximate", "tanh", "none", error)))
    return status;
  t->intermediate = (int64_t)((double)t->width * ratio);
  if (t->intermediate < 1)
    return compute_fail(error, COMPUTE_ERROR_INVALID_FILE, "%s: mlp_ratio %g of a width of %lld leaves nothing", name,
                        ratio, (long long)t->width);
  t->activation = quick_gelu                                            ? NN_QUICK_GELU
                  : config_string_is(activation, "approximate", "tanh") ? NN_GELU_TANH
                                                                        : NN_GELU;
  return COMPUTE_OK;
}

static enum compute_status
check_heads(const char *name, const struct transformer *t, struct compute_error *error)
{
  if (t->heads < 1 || t->heads > 128 || t->width % t->heads)
    return compute_fail(error, COMPUTE_ERROR_INVALID_FILE, "%s: a width of %lld cannot be cut into %lld heads", name,
                        (long long)t->width, (long long)t->heads);
  return COMPUTE_OK;
}

static enum compute_status
read_vision(const struct config *vision, bool quick_gelu, bool coca, struct clip_settings *clip,
            struct compute_error *error)
{
  static const char *const others[] = { "timm_model_name", "no_ln_pre", NULL };
  static const char *const pooler[] = { "attentional_pool", NULL };
  const struct config *pool = config_child(vision, "attentional_pool");
  int64_t head_width;
  enum compute_status status;

  if (config_count(config_child(vision, "layers")) > 0)
    return compute_fail(error, COMPUTE_ERROR_UNSUPPORTED,
                        "vision_cfg: layers is a list: a ResNet, of which this program knows only the ViT kind");
  if ((status = refuse_others(vision, "vision_cfg", others, error)) ||
      (!coca && (status = refuse_others(vision, "vision_cfg", pooler, error))) ||
      (status = read_tower(vision, "vision_cfg", quick_gelu, 768, &clip->vision, error)) ||
      (status = expect(vision, "pool_type", "tok", NULL, error)) ||
      (status = config_integer_or(vision, "head_width", 1, 8192, 64, &head_width, error)) ||
      (status = read_side(vision, "image_size", 224, &clip->image_side, error)) ||
      (status = read_side(vision, "patch_size", 16, &clip->patch, error)))
    return status;
  if (coca && (!config_flag(pool, false) ||
               (status = config_integer_or(vision, "attn_pooler_heads", 1, 128, 8, &clip->pooler_heads, error))))
    return status ? status
                  : compute_fail(error, COMPUTE_ERROR_UNSUPPORTED,
                                 "vision_cfg: attentional_pool must be true; its other kinds are not known here");
  if (clip->image_side < clip->patch)
    return compute_fail(error, COMPUTE_ERROR_INVALID_FILE, "patch_size %lld is larger than image_size %lld",
                        (long long)clip->patch, (long long)clip->image_side);
  clip->vision.heads = clip->vision.width / head_width;
  return check_heads("vision_cfg", &clip->vision, error);
}

static enum compute_status
read_text(const struct config *text, bool quick_gelu, bool coca, struct clip_settings *clip,
          struct compute_error *error)
{
  static const char *const others[] = { "hf_model_name", "hf_tokenizer_name", "tokenizer_kwargs", "tokenizer_mode",
                                        "pad_id",        "no_causal_mask",    "proj_bias",        NULL };
  static const char *const token[] = { "embed_cls", NULL };
  enum compute_status status;

  if ((status = refuse_others(text, "text_cfg", others, error)) ||
      (!coca && (status = refuse_others(text, "text_cfg", token, error))) ||
      (status = read_tower(text, "text_cfg", quick_gelu, 512, &clip->text, error)) ||
      (status = expect(text, "pool_type", "argmax", NULL, error)) ||
      (status = expect(text, "proj_type", "linear", NULL, error)) ||
      (status = config_integer_or(text, "heads", 1, 128, 8, &clip->text.heads, error)) ||
      (status = config_integer_or(text, "vocab_size", 1, 1 << 20, 49408, &clip->vocabulary, error)) ||
      (status = config_integer_or(text, "context_length", 2, 4095, 77, &clip->positions, error)))
    return status;
  if (coca && !config_flag_or(text, "embed_cls", false))
    return compute_fail(error, COMPUTE_ERROR_UNSUPPORTED, "text_cfg: embed_cls must be true for CoCa's text tower");
  return check_heads("text_cfg", &clip->text, error);
}

static enum compute_status
read_preprocessing(const struct config *config, int64_t side, struct preprocessing *preprocessing,
                   struct compute_error *error)
{
  int64_t size;
  enum compute_status status;

  if ((status = read_side(config, "size", side, &size, error)) ||
      (status = expect(config, "mode", "RGB", NULL, error)) ||
      (status = expect(config, "interpolation", "bicubic", "bilinear", error)) ||
      (status = expect(config, "resize_mode", "shortest", "squash", error)) ||
      (status = preprocessing_read_channels(config, "mean", preprocessing->mean, error)) ||
      (status = preprocessing_read_channels(config, "std", preprocessing->deviation, error)))
    return status;
  if (size != side)
    return compute_fail(error, COMPUTE_ERROR_INVALID_FILE, "preprocess_cfg: size is %lld, but vision_cfg wants %lld",
                        (long long)size, (long long)side);
  for (unsigned i = 0; i < 3; i++)
    if (!(preprocessing->deviation[i] > 0))
      return compute_fail(error, COMPUTE_ERROR_INVALID_FILE, "preprocess_cfg: std must be positive");
  preprocessing->bilinear = config_string_is(config, "interpolation", "bilinear");
  preprocessing->squash = config_string_is(config, "resize_mode", "squash");
  preprocessing->resize = preprocessing->crop = (unsigned)side;
  return COMPUTE_OK;
}

enum compute_status
open_clip_read_settings(const struct config *config, struct clip_settings *clip, struct network_settings *settings,
                        struct compute_error *error)
{
  const struct config *model = config_child(config, "model_cfg");
  const struct config *vision = config_child(model, "vision_cfg"), *text = config_child(model, "text_cfg");
  const bool quick_gelu = config_flag_or(model, "quick_gelu", false), coca = open_clip_is_coca(config);
  enum compute_status status;

  if (!vision || !text)
    return compute_fail(error, COMPUTE_ERROR_INVALID_FILE, "model_cfg has a vision_cfg and a text_cfg; %s is missing",
                        vision ? "text_cfg" : "vision_cfg");
  if ((status = config_integer(model, "embed_dim", 4, 8192, &clip->projection, error)) ||
      (status = read_vision(vision, quick_gelu, coca, clip, error)) ||
      (status = read_text(text, quick_gelu, coca, clip, error)) ||
      (status = read_preprocessing(config_child(config, "preprocess_cfg"), clip->image_side, &settings->preprocessing,
                                   error)))
    return status;
  settings->end_is_largest = true;
  settings->pad_token = 0;
  settings->info.dimensions = (unsigned)clip->projection;
  settings->info.embeds_pictures = settings->info.embeds_texts = true;
  settings->info.input_side = (unsigned)clip->image_side;
  settings->info.crops = 1;
  settings->info.max_tokens = (unsigned)clip->positions;
  return COMPUTE_OK;
}
