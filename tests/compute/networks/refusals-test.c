/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "compute/weights/weights.h"
#include "tests/compute/networks/networks-test.h"

/*
 * Models that are not what they say: each case spoils a copy of a good one from parity/ in one place, and opening or using it must
 * give the expected error, with a message that names the folder and the culprit.
 */

static struct gpu_instance *instance;
static struct gpu_device *device;
static const char *parity;
static char scratch[] = "/tmp/saccade-networks-XXXXXX";

struct spoiled {
  const char *model, *file;
  const char *find, *replace; /* in the file; NULL find: the file is missing, NULL replace: it ends there */
  enum compute_status status;
  const char *culprit; /* in the message */
};

static const struct spoiled cases[] = {
  { "clip-quick-gelu", "config.json", NULL, NULL, COMPUTE_ERROR_NOT_FOUND, "config.json" },
  { "clip-quick-gelu", "config.json", "vision_config", NULL, COMPUTE_ERROR_INVALID_FILE, "config.json" },
  { "clip-quick-gelu", "config.json", "\"clip\"", "\"klip\"", COMPUTE_ERROR_UNSUPPORTED, "klip" },
  { "clip-quick-gelu", "config.json", "vision_config", "fission_config", COMPUTE_ERROR_INVALID_FILE, "vision_config" },
  { "clip-quick-gelu", "config.json", "\"hidden_size\": 64", "\"hidden_size\": 66", COMPUTE_ERROR_INVALID_FILE,
    "hidden_size" },
  { "clip-quick-gelu", "config.json", "\"hidden_size\": 64", "\"hidden_size\": 68", COMPUTE_ERROR_SHAPE,
    "vision_model" },
  { "clip-quick-gelu", "config.json", "\"hidden_size\": 64", "\"hidden_size\": -4", COMPUTE_ERROR_INVALID_FILE,
    "hidden_size" },
  { "clip-quick-gelu", "config.json", "\"hidden_size\": 64", "\"hidden_size\": 1e30", COMPUTE_ERROR_INVALID_FILE,
    "hidden_size" },
  { "clip-quick-gelu", "config.json", "\"hidden_size\": 64", "\"hidden_size\": []", COMPUTE_ERROR_INVALID_FILE,
    "hidden_size" },
  { "clip-quick-gelu", "config.json", "quick_gelu", "slow_gelu", COMPUTE_ERROR_UNSUPPORTED, "slow_gelu" },
  { "clip-quick-gelu", "config.json", "\"patch_size\": 8", "\"patch_size\": 64", COMPUTE_ERROR_INVALID_FILE,
    "patch_size" },
  { "clip-quick-gelu", "config.json", "\"patch_size\": 8", "\"patch_size\": 0", COMPUTE_ERROR_INVALID_FILE,
    "patch_size" },
  { "clip-quick-gelu", "config.json", "\"num_hidden_layers\": 2", "\"num_hidden_layers\": 3", COMPUTE_ERROR_NOT_FOUND,
    "vision_model.encoder.layers.2" },
  { "clip-quick-gelu", "model.safetensors", NULL, NULL, COMPUTE_ERROR_NOT_FOUND, "model.safetensors" },
  { "clip-quick-gelu", "model.safetensors", "visual_projection", NULL, COMPUTE_ERROR_INVALID_FILE,
    "model.safetensors" },
  { "clip-quick-gelu", "model.safetensors", "visual_projection.weight", "visual_projection_weight",
    COMPUTE_ERROR_NOT_FOUND, "visual_projection.weight" },
  { "clip-quick-gelu", "model.safetensors", "[40,64]", "[64,40]", COMPUTE_ERROR_SHAPE, "visual_projection.weight" },
  { "clip-quick-gelu", "merges.txt", NULL, NULL, COMPUTE_ERROR_NOT_FOUND, "merges.txt" },
  { "clip-resized-bfloat", "preprocessor_config.json", "\"height\": 30", "\"height\": 31", COMPUTE_ERROR_INVALID_FILE,
    "preprocessor_config.json" },
  { "clip-resized-bfloat", "preprocessor_config.json", "image_std", "image_mean", COMPUTE_OK, "" },
  { "clip-resized-bfloat", "preprocessor_config.json", "0.25", "0.00", COMPUTE_ERROR_INVALID_FILE, "image_std" },
  { "clip-resized-bfloat", "preprocessor_config.json", "0.25", "\"x\"", COMPUTE_ERROR_INVALID_FILE,
    "preprocessor_config.json" },
  { "bert", "vocab.txt", NULL, NULL, COMPUTE_ERROR_NOT_FOUND, "tokenizer" },
  { "bert", "config.json", "\"type_vocab_size\": 2", "\"type_vocab_size\": 3", COMPUTE_ERROR_SHAPE,
    "token_type_embeddings" },
  { "starter", "config.json", "\"classes\": 20", "\"classes\": 21", COMPUTE_ERROR_SHAPE, "class_vectors" },
  { "starter", "config.json", "\"classes\": 20", "\"classes\": 2", COMPUTE_ERROR_INVALID_FILE, "classes" },
  { "starter", "config.json", "\"stages\"", "\"stagez\"", COMPUTE_ERROR_INVALID_FILE, "stages" },
  { "starter", "config.json", "\"kernel\": 5", "\"kernel\": 3", COMPUTE_ERROR_SHAPE, "depthwise" },
  { "starter", "model.safetensors", "class_vectors", "klass_vectors", COMPUTE_ERROR_NOT_FOUND, "class_vectors" },
  { "siglip", "config.json", "\"projection_size\": 32", "\"projection_size\": 28", COMPUTE_ERROR_INVALID_FILE,
    "projection_size" },
  { "siglip", "config.json", "\"patch_size\": 8", "\"patch_size\": 7", COMPUTE_ERROR_SHAPE, "patch_embedding" },
  { "siglip", "config.json", "\"patch_size\": 8", "\"patch_size\": 8, \"vision_use_head\": false",
    COMPUTE_ERROR_UNSUPPORTED, "vision_use_head" },
  { "siglip", "config.json", "\"max_position_embeddings\": 24", "\"max_position_embeddings\": 25", COMPUTE_ERROR_SHAPE,
    "text_model.embeddings.position_embedding" },
  { "siglip", "model.safetensors", "head.probe", "head.prowl", COMPUTE_ERROR_NOT_FOUND, "vision_model.head.probe" },
  { "siglip", "model.safetensors", "[96,32]", "[32,96]", COMPUTE_ERROR_SHAPE, "in_proj_weight" },
  { "siglip", "preprocessor_config.json", "\"resample\": 3", "\"resample\": 1", COMPUTE_ERROR_UNSUPPORTED, "resample" },
  { "siglip", "preprocessor_config.json", "\"resample\": 3", "\"resample\": 2", COMPUTE_OK, "" },
  { "siglip", "preprocessor_config.json", "\"height\": 35", "\"height\": 36", COMPUTE_ERROR_INVALID_FILE,
    "preprocessor_config.json" },
  { "siglip", "spiece.model", NULL, NULL, COMPUTE_ERROR_NOT_FOUND, "spiece.model" },
  { "siglip", "config.json", "\"siglip\"", "\"siglip2\"", COMPUTE_ERROR_UNSUPPORTED, "NaFlex" },
  { "open-clip", "open_clip_config.json", NULL, NULL, COMPUTE_ERROR_NOT_FOUND, "config.json" },
  { "open-clip", "open_clip_config.json", "text_cfg", NULL, COMPUTE_ERROR_INVALID_FILE, "open_clip_config.json" },
  { "open-clip", "open_clip_config.json", "model_cfg", "muddle_cfg", COMPUTE_ERROR_UNSUPPORTED, "model_type" },
  { "open-clip", "open_clip_config.json", "text_cfg", "test_cfg", COMPUTE_ERROR_INVALID_FILE, "text_cfg is missing" },
  { "open-clip", "open_clip_config.json", "\"embed_dim\": 28", "\"embed_dim\": \"x\"", COMPUTE_ERROR_INVALID_FILE,
    "open_clip_config.json: embed_dim" },
  { "open-clip", "open_clip_config.json", "embed_dim", "embed_dime", COMPUTE_ERROR_NOT_FOUND, "embed_dim" },
  { "open-clip", "open_clip_config.json", "\"layers\": 2", "\"layers\": [3, 4, 6, 3]", COMPUTE_ERROR_UNSUPPORTED,
    "ResNet" },
  { "open-clip", "open_clip_config.json", "\"layers\": 2", "\"layers\": 3", COMPUTE_ERROR_NOT_FOUND,
    "visual.transformer.resblocks.2" },
  { "open-clip", "open_clip_config.json", "\"layers\": 2", "\"layers\": 2, \"timm_model_name\": \"vit\"",
    COMPUTE_ERROR_UNSUPPORTED, "timm_model_name" },
  { "open-clip", "open_clip_config.json", "\"layers\": 2", "\"layers\": 2, \"qk_norm\": true",
    COMPUTE_ERROR_UNSUPPORTED, "vision_cfg asks for qk_norm" },
  { "open-clip", "open_clip_config.json", "\"layers\": 2", "\"layers\": 2, \"ls_init_value\": 1e-4",
    COMPUTE_ERROR_UNSUPPORTED, "ls_init_value" },
  { "open-clip", "open_clip_config.json", "\"layers\": 2", "\"layers\": 2, \"qk_norm\": false, \"ls_init_value\": null",
    COMPUTE_OK, "" },
  { "open-clip", "open_clip_config.json", "\"layers\": 2", "\"layers\": 2, \"pool_type\": \"avg\"",
    COMPUTE_ERROR_UNSUPPORTED, "pool_type" },
  { "open-clip", "open_clip_config.json", "\"layers\": 2", "\"layers\": 2, \"attentional_pool\": true",
    COMPUTE_ERROR_UNSUPPORTED, "attentional_pool" },
  { "open-clip", "open_clip_config.json", "\"layers\": 2", "\"layers\": 2, \"act_kwargs\": {\"approximate\": \"tan\"}",
    COMPUTE_ERROR_UNSUPPORTED, "approximate" },
  { "open-clip", "open_clip_config.json", "\"head_width\": 12", "\"head_width\": 7", COMPUTE_ERROR_INVALID_FILE,
    "heads" },
  { "open-clip", "open_clip_config.json", "\"head_width\": 12", "\"head_width\": 64", COMPUTE_ERROR_INVALID_FILE,
    "heads" },
  { "open-clip", "open_clip_config.json", "\"mlp_ratio\": 2.6", "\"mlp_ratio\": 0.001", COMPUTE_ERROR_INVALID_FILE,
    "mlp_ratio" },
  { "open-clip", "open_clip_config.json", "\"mlp_ratio\": 2.6", "\"mlp_ratio\": 2.7", COMPUTE_ERROR_SHAPE, "c_fc" },
  { "open-clip", "open_clip_config.json", "\"patch_size\": 7", "\"patch_size\": 30", COMPUTE_ERROR_INVALID_FILE,
    "patch_size" },
  { "open-clip", "open_clip_config.json", "\"patch_size\": 7", "\"patch_size\": [7, 8]", COMPUTE_ERROR_UNSUPPORTED,
    "patch_size" },
  { "open-clip", "open_clip_config.json", "\"context_length\": 24", "\"context_length\": 25", COMPUTE_ERROR_SHAPE,
    "positional_embedding" },
  { "open-clip", "open_clip_config.json", "\"context_length\": 24",
    "\"context_length\": 24, \"hf_tokenizer_name\": \"bert\"", COMPUTE_ERROR_UNSUPPORTED, "hf_tokenizer_name" },
  { "open-clip", "open_clip_config.json", "\"context_length\": 24", "\"context_length\": 24, \"embed_cls\": true",
    COMPUTE_ERROR_UNSUPPORTED, "embed_cls" },
  { "open-clip", "open_clip_config.json", "\"squash\"", "\"longest\"", COMPUTE_ERROR_UNSUPPORTED, "resize_mode" },
  { "open-clip", "open_clip_config.json", "\"bicubic\"", "7", COMPUTE_ERROR_UNSUPPORTED, "interpolation" },
  { "open-clip", "open_clip_config.json", "\"interpolation\"", "\"size\": 30, \"interpolation\"",
    COMPUTE_ERROR_INVALID_FILE, "size" },
  { "open-clip", "open_clip_config.json", "0.25", "0.00", COMPUTE_ERROR_INVALID_FILE, "std" },
  { "open-clip", "open_clip_config.json", "0.25", "\"x\"", COMPUTE_ERROR_INVALID_FILE, "std" },
  { "open-clip", "open_clip_model.safetensors", NULL, NULL, COMPUTE_ERROR_NOT_FOUND, "open_clip_model.safetensors" },
  { "open-clip", "open_clip_model.safetensors", "visual.proj", "visual.prow", COMPUTE_ERROR_NOT_FOUND, "visual.proj" },
  { "open-clip", "open_clip_model.safetensors", "[36,28]", "[28,36]", COMPUTE_ERROR_SHAPE, "proj" },
  { "open-clip-custom", "model.safetensors", "text.ln_final", "text.ln_finax", COMPUTE_ERROR_NOT_FOUND,
    "text.ln_final" },
  { "coca", "open_clip_config.json", "\"attn_pooler_heads\": 4", "\"attn_pooler_heads\": 5", COMPUTE_ERROR_INVALID_FILE,
    "attn_pooler_heads" },
  { "coca", "open_clip_config.json", "\"attentional_pool\": true", "\"attentional_pool\": \"parallel\"",
    COMPUTE_ERROR_UNSUPPORTED, "attentional_pool" },
  { "coca", "open_clip_config.json", "\"embed_cls\": true", "\"embed_cls\": false", COMPUTE_ERROR_UNSUPPORTED,
    "embed_cls" },
  { "coca", "open_clip_config.json", "\"multimodal_cfg\"", "\"multimodel_cfg\"", COMPUTE_ERROR_UNSUPPORTED,
    "attentional_pool" },
  { "coca", "open_clip_model.safetensors", "attn_pool.query", "attn_pool.quarry", COMPUTE_ERROR_NOT_FOUND,
    "visual.attn_pool.query" },
  { "coca", "open_clip_model.safetensors", "text.cls_emb", "text.cls_emd", COMPUTE_ERROR_NOT_FOUND, "text.cls_emb" },
  { "coca", "open_clip_model.safetensors", "k_proj_weight", "k_prow_weight", COMPUTE_ERROR_NOT_FOUND, "k_proj_weight" },
  { "xclip", "config.json", "\"num_frames\": 4", "\"num_frames\": 5", COMPUTE_ERROR_SHAPE, "mit.position_embedding" },
  { "xclip", "config.json", "\"num_frames\": 4", "\"num_frames\": 1e9", COMPUTE_ERROR_INVALID_FILE, "num_frames" },
  { "xclip", "config.json", "\"num_frames\": 4", "\"num_frames\": 0", COMPUTE_ERROR_INVALID_FILE, "num_frames" },
  { "xclip", "config.json", "\"mit_hidden_size\": 32", "\"mit_hidden_size\": 36", COMPUTE_ERROR_INVALID_FILE,
    "mit_hidden_size" },
  { "xclip", "config.json", "\"mit_num_attention_heads\": 4", "\"mit_num_attention_heads\": 5",
    COMPUTE_ERROR_INVALID_FILE, "mit_num_attention_heads" },
  { "xclip", "config.json", "\"mit_num_hidden_layers\": 2", "\"mit_num_hidden_layers\": 3", COMPUTE_ERROR_NOT_FOUND,
    "mit.encoder.layers.2" },
  { "xclip", "model.safetensors", "message_fc", "massage_fc", COMPUTE_ERROR_NOT_FOUND, "message_fc" },
  { "xclip", "model.safetensors", "[1,4,32]", "[1,32,4]", COMPUTE_ERROR_SHAPE, "mit.position_embedding" },
};

static char *
read_file(const char *path, size_t *bytes)
{
  FILE *file = fopen(path, "rb");
  char *content = NULL;

  *bytes = 0;
  if (file && fseek(file, 0, SEEK_END) == 0) {
    *bytes = (size_t)ftell(file);
    rewind(file);
    content = malloc(*bytes + 1);
    if (fread(content, 1, *bytes, file) != *bytes)
      *bytes = 0;
  }
  if (file)
    fclose(file);
  return content;
}

static void
write_file(const char *path, const char *content, size_t bytes)
{
  FILE *file = fopen(path, "wb");

  if (check(file != NULL, "%s cannot be written", path)) {
    check(fwrite(content, 1, bytes, file) == bytes, "%s cannot be written", path);
    fclose(file);
  }
}

/* Copies the model into folder, spoiled: nothing is what `spoil` does not name. */
static void
copy_model(const char *folder, const struct spoiled *spoil)
{
  static const char *const names[] = { "config.json",
                                       "model.safetensors",
                                       "preprocessor_config.json",
                                       "vocab.json",
                                       "merges.txt",
                                       "vocab.txt",
                                       "tokenizer_config.json",
                                       "spiece.model",
                                       "open_clip_config.json",
                                       "open_clip_model.safetensors" };

  mkdir(folder, 0700);
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    char from[4096], to[4096];
    size_t bytes;

    snprintf(from, sizeof from, "%s/%s/%s", parity, spoil->model, names[i]);
    snprintf(to, sizeof to, "%s/%s", folder, names[i]);
    unlink(to);
    char *content = read_file(from, &bytes);
    const bool this_one = spoil->file && strcmp(spoil->file, names[i]) == 0;
    if (!content || (this_one && !spoil->find)) {
      free(content);
      continue;
    }
    char *place = this_one ? memmem(content, bytes, spoil->find, strlen(spoil->find)) : NULL;
    check(!this_one || place, "%s has no “%s” to spoil", from, this_one ? spoil->find : "");
    if (!place) {
      write_file(to, content, bytes);
    } else if (!spoil->replace) {
      write_file(to, content, (size_t)(place - content));
    } else {
      const size_t before = (size_t)(place - content), removed = strlen(spoil->find), added = strlen(spoil->replace);
      char *spoiled = malloc(bytes + added);

      memcpy(spoiled, content, before);
      memcpy(spoiled + before, spoil->replace, added);
      memcpy(spoiled + before + added, place + removed, bytes - before - removed);
      write_file(to, spoiled, bytes - removed + added);
      free(spoiled);
    }
    free(content);
  }
}

/* Opens the model and embeds a picture and a text: the first error of all that. */
static enum compute_status
use_model(const char *folder, struct compute_error *error)
{
  static const uint8_t pixels[4 * 4 * 3] = { 200, 10, 30 };
  struct model_picture clip[64];
  float vector[8192];
  struct model_calibration calibration;
  struct model *model = NULL;
  enum compute_status status = model_open(device, folder, NULL, &model, error);

  for (size_t i = 0; i < sizeof clip / sizeof clip[0]; i++)
    clip[i] = (struct model_picture){ pixels, 4, 4, 12 };
  if (!status && model_get_info(model)->embeds_pictures)
    status = model_embed_pictures(model, clip, 1, vector, error);
  if (!status)
    status = model_embed_query(model, "a dog", vector, &calibration, error);
  model_close(&model);
  return status;
}

static void
check_spoiled(const struct spoiled *spoil, const char *folder)
{
  struct compute_error error = { 0 };

  copy_model(folder, spoil);
  const enum compute_status status = use_model(folder, &error);
  check(status == spoil->status, "%s with another %s (%s): status %d, not %d: %s", spoil->model, spoil->file,
        spoil->find ? spoil->find : "missing", status, spoil->status, error.message);
  if (!spoil->status)
    return;
  check(strstr(error.message, spoil->culprit) != NULL, "%s with another %s: “%s” is not named in: %s", spoil->model,
        spoil->file, spoil->culprit, error.message);
  check(strstr(error.message, folder) != NULL, "%s with another %s: the folder is not named in: %s", spoil->model,
        spoil->file, error.message);
}

/* Not-a-number in one tensor after another, wherever a tower uses it. */
static void
check_not_finite(const char *name, const char *folder)
{
  char path[4096];
  struct weights_file *file = NULL;
  struct compute_error error;
  size_t bytes;

  copy_model(folder, &(struct spoiled){ .model = name });
  snprintf(path, sizeof path, "%s/%s", folder, model_find_files(folder).weights);
  char *content = read_file(path, &bytes);
  if (!check(!weights_parse(content, bytes, path, &file, &error), "%s", error.message))
    return;
  for (uint64_t i = 0; i < weights_count(file); i += 7) {
    const struct weights_tensor *tensor = weights_at(file, i);
    const size_t size = tensor->bytes / tensor->elements, place = tensor->elements / 2 * size;
    if (strcmp(tensor->name, "logit_scale") == 0 || strcmp(tensor->name, "logit_bias") == 0)
      continue; /* no tower uses them: vectors are of unit length */
    char *value = (char *)(uintptr_t)tensor->data + place, kept[8];

    memcpy(kept, value, size);
    memset(value, 0xff, size); /* a NaN in all the formats */
    write_file(path, content, bytes);
    const enum compute_status status = use_model(folder, &error);
    check(status == COMPUTE_ERROR_INVALID_FILE && strstr(error.message, tensor->name),
          "%s: a NaN in %s gives status %d: %s", name, tensor->name, status, status ? error.message : "");
    memcpy(value, kept, size);
  }
  weights_close(&file);
  free(content);
}

static int
remove_entry(const char *path, const struct stat *information, int kind, struct FTW *place)
{
  return remove(path);
}

int
main(int argc, char **argv)
{
  char folder[64];
  struct compute_error error = { 0 };

  if (argc != 2) {
    fprintf(stderr, "usage: refusals-test PARITY-FOLDER\n");
    return 2;
  }
  parity = argv[1];
  device = open_device(&instance, NULL);
  if (!check(mkdtemp(scratch) != NULL, "no temporary folder"))
    return report();
  snprintf(folder, sizeof folder, "%s/spoiled", scratch);
  check(use_model(folder, &error) == COMPUTE_ERROR_NOT_FOUND && strstr(error.message, folder),
        "a folder that is not there: %s", error.message);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
    check_spoiled(&cases[i], folder);
  check_not_finite("clip-gelu-half", folder);
  check_not_finite("bert", folder);
  check_not_finite("siglip", folder);
  check_not_finite("open-clip", folder);
  check_not_finite("coca", folder);
  check_not_finite("xclip", folder);
  nftw(scratch, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
  gpu_device_close(&device);
  check(gpu_instance_validation_messages(instance) == 0, "the validation layer has spoken");
  gpu_instance_destroy(&instance);
  return report();
}
