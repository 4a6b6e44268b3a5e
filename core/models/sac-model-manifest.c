/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/weights/config.h"
#include "core/models/sac-model-private.h"
#include "sac-models-resources.h"
#include "core/sac-error.h"

static void
file_free(gpointer data)
{
  SacManifestFile *file = data;

  g_free(file->name);
  g_free(file->sha256);
  g_free(file);
}

static void
model_free(gpointer data)
{
  SacManifestModel *model = data;

  g_free(model->id);
  g_free(model->title);
  g_free(model->summary);
  g_free(model->licence);
  g_free(model->source);
  g_strfreev(model->revisions);
  g_ptr_array_unref(model->files);
  g_free(model);
}

void
sac_manifest_free(SacManifest *manifest)
{
  g_free(manifest->hub);
  g_ptr_array_unref(manifest->models);
  g_free(manifest);
}

/* A file's name becomes a path here and a part of an address there. */
static gboolean
is_plain_name(const char *name)
{
  return name && *name && *name != '.' && strspn(name, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "._-") == strlen(name);
}

static gboolean
is_sha256(const char *text)
{
  return strlen(text) == 64 && strspn(text, "0123456789abcdef") == 64;
}

/* G_MAXINT64 is more than a double holds exactly. */
#define MAX_SIZE ((gint64)1 << 52)

static gboolean
read_files(SacManifestModel *model, const struct config *files)
{
  for (const struct config *item = config_at(files, 0); item; item = config_next(item)) {
    SacManifestFile *file = g_new0(SacManifestFile, 1);

    g_ptr_array_add(model->files, file);
    file->name = g_strdup(config_string(item, "name"));
    file->optional = config_flag_or(item, "optional", false);
    file->sha256 = g_strdup(config_string(item, "sha256"));
    if (!is_plain_name(file->name) || (file->sha256 && !is_sha256(file->sha256)) ||
        config_integer_or(item, "size", 0, MAX_SIZE, -1, &file->size, NULL))
      return FALSE;
  }
  return model->files->len > 0;
}

static gboolean
read_model(SacManifestModel *model, const struct config *item, const struct config *file_sets)
{
  const char *set = config_string(item, "files");
  const struct config *revisions = config_child(item, "revisions");
  g_autoptr(GStrvBuilder) builder = g_strv_builder_new();

  model->id = g_strdup(config_string(item, "id"));
  model->title = g_strdup(config_string(item, "title"));
  model->summary = g_strdup(config_string(item, "summary"));
  model->licence = g_strdup(config_string(item, "licence"));
  model->source = g_strdup(config_string(item, "source"));
  for (const struct config *revision = config_at(revisions, 0); revision; revision = config_next(revision)) {
    if (!is_plain_name(config_text(revision)))
      return FALSE;
    g_strv_builder_add(builder, config_text(revision));
  }
  model->revisions = g_strv_builder_end(builder);
  if (!model->id || !sac_model_id_is_valid(model->id) || !model->title)
    return FALSE;
  if (!model->source)
    return TRUE;
  return model->revisions[0] && set && read_files(model, config_child(file_sets, set));
}

SacManifest *
sac_manifest_parse(const char *json, gssize bytes, GError **error)
{
  g_autoptr(SacManifest) manifest = g_new0(SacManifest, 1);
  struct compute_error reason;
  struct config *config;

  manifest->models = g_ptr_array_new_with_free_func(model_free);
  if (config_parse(json, bytes < 0 ? strlen(json) : (gsize)bytes, "the manifest of models", &config, &reason)) {
    sac_error_set_from_compute(error, &reason);
    return NULL;
  }
  const struct config *models = config_child(config, "models");
  gboolean good = TRUE;

  manifest->hub = g_strdup(config_string(config, "hub"));
  if (!manifest->hub) {
    g_set_error_literal(error, SAC_ERROR, SAC_ERROR_INVALID_FILE, "The manifest of models names no hub");
    good = FALSE;
  }
  for (const struct config *item = config_at(models, 0); good && item; item = config_next(item)) {
    SacManifestModel *model = g_new0(SacManifestModel, 1);

    model->files = g_ptr_array_new_with_free_func(file_free);
    g_ptr_array_add(manifest->models, model);
    good = read_model(model, item, config_child(config, "file_sets"));
    if (!good)
      g_set_error(error, SAC_ERROR, SAC_ERROR_INVALID_FILE,
                  "The manifest of models: entry %u (%s) is not what it should be", manifest->models->len,
                  model->id ? model->id : "without an id");
  }
  config_close(&config);
  return good ? g_steal_pointer(&manifest) : NULL;
}

SacManifest *
sac_manifest_load(GError **error)
{
  g_autoptr(GBytes) bytes = g_resource_lookup_data(sac_models_get_resource(), "/org/saccade/models/manifest.json",
                                                   G_RESOURCE_LOOKUP_FLAGS_NONE, error);
  gsize size;

  if (!bytes)
    return NULL;
  const char *json = g_bytes_get_data(bytes, &size);
  return sac_manifest_parse(json, (gssize)size, error);
}

const SacManifestModel *
sac_manifest_find(const SacManifest *manifest, const char *id)
{
  for (guint i = 0; i < manifest->models->len; i++) {
    const SacManifestModel *model = manifest->models->pdata[i];

    if (g_str_equal(model->id, id))
      return model;
  }
  return NULL;
}
