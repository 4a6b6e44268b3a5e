/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib/gi18n.h>

#include "core/analysis/sac-device.h"
#include "core/cli/cli.h"
#include "core/sac-error.h"

/* Vulkan packs a version into 7 bits of major, 10 of minor and 12 of patch. */
static char *
version_text(uint32_t version)
{
  return g_strdup_printf("%u.%u.%u", version >> 22 & 0x7f, version >> 12 & 0x3ff, version & 0xfff);
}

struct ability {
  const char *name;
  bool has;
};

/* What matters to the speed of a network, under the names that --json has too. */
static guint
list_abilities(const struct gpu_capabilities *c, struct ability *abilities)
{
  const struct ability all[] = {
    { "subgroup_shuffle", c->subgroup_shuffle },
    { "subgroup_arithmetic", c->subgroup_arithmetic },
    { "subgroup_size_control", c->subgroup_size_control },
    { "storage_16bit", c->storage_16bit },
    { "storage_8bit", c->storage_8bit },
    { "arithmetic_fp16", c->arithmetic_fp16 },
    { "cooperative_matrix_nv", c->cooperative_matrix_nv },
    { "cooperative_matrix_khr", c->cooperative_matrix_khr },
    { "timestamps", c->timestamps },
    { "unified_memory", c->unified_memory },
    { "memory_budget", c->memory_budget },
  };

  for (guint i = 0; i < G_N_ELEMENTS(all); i++)
    abilities[i] = all[i];
  return G_N_ELEMENTS(all);
}

#define MAX_ABILITIES 16

static void
add_string(JsonBuilder *json, const char *name, const char *value)
{
  /* A driver's words need not be UTF-8. */
  g_autofree char *valid = g_utf8_make_valid(value, -1);

  json_builder_set_member_name(json, name);
  json_builder_add_string_value(json, valid);
}

static void
add_integer(JsonBuilder *json, const char *name, guint64 value)
{
  json_builder_set_member_name(json, name);
  json_builder_add_int_value(json, (gint64)MIN(value, (guint64)G_MAXINT64));
}

/* Of the product of halves that a subgroup makes at once: "16x16x16". */
static char *
matrix_shape_text(const struct gpu_capabilities *c)
{
  return g_strdup_printf("%ux%ux%u", c->matrix_shape.m, c->matrix_shape.n, c->matrix_shape.k);
}

/* A device's self-test, which is run where it has not been, and what it found. */
struct tested {
  SacDevice device;
  GError *error; /* why it is not to be used; NULL: it passed, without the kernels that nn_findings_reason() names */
};

static void
test_device(struct gpu_instance *instance, size_t index, struct tested *tested)
{
  *tested = (struct tested){ .device = { .instance = instance } };
  sac_device_open(&tested->device, (int)index, &tested->error);
}

static void
tested_clear(struct tested *tested)
{
  sac_device_close(&tested->device);
  g_clear_error(&tested->error);
}

static void
add_self_test(JsonBuilder *json, const struct tested *tested)
{
  json_builder_set_member_name(json, "self_test");
  json_builder_begin_object(json);
  json_builder_set_member_name(json, "passed");
  json_builder_add_boolean_value(json, tested->error == NULL);
  if (tested->error != NULL)
    add_string(json, "reason", tested->error->message);
  json_builder_set_member_name(json, "unused_kernels");
  json_builder_begin_array(json);
  for (size_t i = 0; tested->error == NULL && nn_kernel_name(i) != NULL; i++) {
    const char *reason = nn_findings_reason(tested->device.findings, i);

    if (reason == NULL)
      continue;
    json_builder_begin_object(json);
    add_string(json, "kernel", nn_kernel_name(i));
    add_string(json, "reason", reason);
    json_builder_end_object(json);
  }
  json_builder_end_array(json);
  json_builder_end_object(json);
  if (tested->error == NULL)
    add_integer(json, "tuned_shapes", nn_findings_classes(tested->device.findings));
}

static void
print_self_test(const struct tested *tested)
{
  gboolean all = TRUE;

  if (tested->error != NULL) {
    g_print(_("   self-test failed: %s\n"), tested->error->message);
    return;
  }
  for (size_t i = 0; nn_kernel_name(i) != NULL; i++)
    all = all && nn_findings_reason(tested->device.findings, i) == NULL;
  g_print("%s\n", all ? _("   self-test passed") : _("   self-test passed, without these kernels:"));
  for (size_t i = 0; nn_kernel_name(i) != NULL; i++)
    if (nn_findings_reason(tested->device.findings, i) != NULL)
      g_print("             %s: %s\n", nn_kernel_name(i), nn_findings_reason(tested->device.findings, i));
  const size_t classes = nn_findings_classes(tested->device.findings);
  if (classes > 0)
    g_print(ngettext("   tuning    the fastest kernel is known for %zu shape\n",
                     "   tuning    the fastest kernel is known for %zu shapes\n", classes),
            classes);
}

static void
add_device(JsonBuilder *json, size_t index, const struct gpu_device_info *info, const struct tested *tested)
{
  const struct gpu_capabilities *c = &info->capabilities;
  g_autofree char *version = version_text(info->api_version);
  struct ability abilities[MAX_ABILITIES];
  const guint count = list_abilities(c, abilities);

  json_builder_begin_object(json);
  add_integer(json, "index", index);
  add_string(json, "name", info->name);
  add_string(json, "type", gpu_device_type_name(info->type));
  add_string(json, "driver", info->driver);
  add_string(json, "driver_info", info->driver_info);
  add_string(json, "vulkan", version);
  add_integer(json, "memory_bytes", info->memory_bytes);
  json_builder_set_member_name(json, "usable");
  json_builder_add_boolean_value(json, info->usable);
  if (!info->usable)
    add_string(json, "reason", info->reason);
  else
    add_self_test(json, tested);
  json_builder_set_member_name(json, "capabilities");
  json_builder_begin_object(json);
  add_integer(json, "subgroup_size", c->subgroup_size);
  add_integer(json, "max_workgroup_invocations", c->max_workgroup_invocations);
  add_integer(json, "max_shared_bytes", c->max_shared_bytes);
  add_integer(json, "max_storage_buffer_bytes", c->max_storage_buffer_bytes);
  add_integer(json, "max_allocation_bytes", c->max_allocation_bytes);
  for (guint i = 0; i < count; i++) {
    json_builder_set_member_name(json, abilities[i].name);
    json_builder_add_boolean_value(json, abilities[i].has);
  }
  if (c->matrix_shape.m) {
    g_autofree char *shape = matrix_shape_text(c);

    add_string(json, "matrix_shape", shape);
  }
  json_builder_end_object(json);
  json_builder_end_object(json);
}

static void
print_device(size_t index, const struct gpu_device_info *info, const struct tested *tested)
{
  const struct gpu_capabilities *c = &info->capabilities;
  g_autofree char *version = version_text(info->api_version);
  g_autofree char *memory = g_format_size_full(info->memory_bytes, G_FORMAT_SIZE_IEC_UNITS);
  g_autofree char *shared = g_format_size_full(c->max_shared_bytes, G_FORMAT_SIZE_IEC_UNITS);
  g_autofree char *storage = g_format_size_full(c->max_storage_buffer_bytes, G_FORMAT_SIZE_IEC_UNITS);
  g_autoptr(GString) has = g_string_new(NULL);
  struct ability abilities[MAX_ABILITIES];
  const guint count = list_abilities(c, abilities);

  for (guint i = 0; i < count; i++)
    if (abilities[i].has)
      g_string_append_printf(has, "%s%s", has->len ? ", " : "", abilities[i].name);
  g_print("%zu  %s\n", index, info->name);
  g_print(_("   type      %s\n"), gpu_device_type_name(info->type));
  g_print(_("   driver    %s %s, Vulkan %s\n"), info->driver, info->driver_info, version);
  g_print(_("   memory    %s; a buffer: %s; shared by a workgroup: %s\n"), memory, storage, shared);
  g_print(_("   subgroup  %u invocations; a workgroup: up to %u\n"), c->subgroup_size, c->max_workgroup_invocations);
  g_print(_("   supports  %s\n"), has->len ? has->str : _("nothing beyond Vulkan's minimum"));
  if (c->matrix_shape.m) {
    g_autofree char *shape = matrix_shape_text(c);

    g_print(_("   matrices  %s, of halves with sums in floats\n"), shape);
  }
  if (info->usable)
    print_self_test(tested);
  else
    g_print(_("   cannot be used: %s\n"), info->reason);
}

static int
run(const struct cli_command *command, int argc, char **argv)
{
  struct cli_options options = { 0 };
  struct gpu_instance *instance;
  struct compute_error reason;
  GError *error = NULL;
  int status;

  if (!cli_parse(command, &argc, &argv, NULL, &options, &status))
    return status;
  const gboolean as_json = options.json;
  cli_options_clear(&options);
  if (argc > 1)
    return cli_usage_error(command, _("devices takes no more words"));
  if (gpu_instance_create(NULL, &instance, &reason)) {
    sac_error_set_from_compute(&error, &reason);
    return cli_fail(error);
  }
  const size_t count = gpu_instance_device_count(instance);
  JsonBuilder *json = as_json ? json_builder_new() : NULL;

  if (as_json) {
    json_builder_begin_object(json);
    json_builder_set_member_name(json, "devices");
    json_builder_begin_array(json);
  }
  for (size_t i = 0; i < count; i++) {
    const struct gpu_device_info *info = gpu_instance_device_info(instance, i);
    struct tested tested = { 0 };

    if (info->usable)
      test_device(instance, i, &tested);
    if (as_json)
      add_device(json, i, info, &tested);
    else
      print_device(i, info, &tested);
    tested_clear(&tested);
  }
  if (as_json) {
    json_builder_end_array(json);
    json_builder_end_object(json);
    cli_print_json(json);
  }
  if (count == 0)
    cli_message(_(
        "There is no Vulkan device. Install your graphics card's Vulkan driver, or mesa-vulkan-drivers for one in software"));
  gpu_instance_destroy(&instance);
  return 0;
}

const struct cli_command cli_devices = {
  .name = "devices",
  .summary = N_("list the Vulkan devices and what each supports"),
  .usage = "",
  .run = run,
};
