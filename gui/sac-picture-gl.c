/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/sac-picture-gl.h"

#include <epoxy/gl.h>
#include <string.h>

#include "core/sac-error.h"

#define MOST_PLANES 3
/* Textures that wait to be drawn on again: one is on the screen, one comes next, one is on its way. */
#define MOST_SPARE 3
/* The part of white that the tone curve leaves as it is. */
#define KNEE 0.3

enum { LUMA, CHROMA };

typedef struct {
  GLuint id;
  int width, height;
  GLenum format;
} Texture;

typedef struct {
  GLuint id;
  GLint planes[2], apart, unit, step, shift;                                 /* of the first */
  GLint size, rows, row_shift, turned, matrix, offset, transfer, wide, knee; /* of the second */
} Program;

struct _SacPictureGL {
  grefcount references;
  GdkGLContext *context;
  int most_side;  /* of a texture */
  SacFrame frame; /* what the planes are; its pointers are dead */
  Program across, down;
  GLuint vertices, target;
  Texture planes[MOST_PLANES], scaled[2]; /* as they came; and as wide as they will be, by LUMA and CHROMA */
  GQueue spare;                           /* (element-type Texture) */
};

/* Values between the two passes have room for what the cubic overshoots: a half of the range, from a quarter on, of 16 bits. Whole
   numbers of 16 bits are drawn on and read everywhere, fractions are not. */

static const char vertex_source[] =
    "void main() {\n"
    "  vec2 corner = vec2(gl_VertexID == 1 ? 3.0 : -1.0, gl_VertexID == 2 ? 3.0 : -1.0);\n"
    "  gl_Position = vec4(corner, 0.0, 1.0);\n"
    "}\n";

static const char cubic_source[] = "float cubic(float x) {\n"
                                   "  x = abs(x);\n"
                                   "  return x < 1.0 ? (1.5 * x - 2.5) * x * x + 1.0\n"
                                   "         : x < 2.0 ? ((2.5 - 0.5 * x) * x - 4.0) * x + 2.0 : 0.0;\n"
                                   "}\n";

static const char across_source[] =
    "uniform usampler2D plane0, plane1;\n"
    "uniform bool apart;\n" /* the second component is in a plane of its own */
    "uniform float unit, step_, shift;\n"
    "out uvec4 result;\n"
    "void main() {\n"
    "  ivec2 place = ivec2(gl_FragCoord.xy);\n"
    "  int last = textureSize(plane0, 0).x - 1;\n"
    "  float stretch = max(step_, 1.0), centre = gl_FragCoord.x * step_ + shift, sum = 0.0;\n"
    "  vec2 value = vec2(0.0);\n"
    "  for (int i = int(ceil(centre - 2.0 * stretch)); i <= int(floor(centre + 2.0 * stretch)); i++) {\n"
    "    ivec2 from = ivec2(clamp(i, 0, last), place.y);\n"
    "    vec2 texel = vec2(texelFetch(plane0, from, 0).xy);\n"
    "    if (apart) texel.y = float(texelFetch(plane1, from, 0).x);\n"
    "    float weight = cubic((float(i) - centre) / stretch);\n"
    "    value += weight * texel;\n"
    "    sum += weight;\n"
    "  }\n"
    "  value = clamp(value / sum * unit * 0.5 + 0.25, 0.0, 1.0);\n"
    "  result = uvec4(uvec2(value * 65535.0 + 0.5), 0u, 0u);\n"
    "}\n";

static const char down_source[] =
    "uniform usampler2D plane0, plane1;\n" /* luma, chroma */
    "uniform ivec2 size;\n"                /* of the picture */
    "uniform ivec3 turned;\n"              /* rows for columns, left and right, top and bottom */
    "uniform vec2 rows, row_shift;\n"      /* luma's, chroma's */
    "uniform mat3 matrix;\n"
    "uniform vec3 offset;\n"
    "uniform int transfer;\n" /* 1: PQ, 2: HLG */
    "uniform bool wide;\n"
    "uniform vec4 knee;\n"
    "out vec4 result;\n"
    "vec2 down(usampler2D plane, int x, float y, float step_, float shift) {\n"
    "  int last = textureSize(plane, 0).y - 1;\n"
    "  float stretch = max(step_, 1.0), centre = y * step_ + shift, sum = 0.0;\n"
    "  vec2 value = vec2(0.0);\n"
    "  for (int i = int(ceil(centre - 2.0 * stretch)); i <= int(floor(centre + 2.0 * stretch)); i++) {\n"
    "    float weight = cubic((float(i) - centre) / stretch);\n"
    "    value += weight * vec2(texelFetch(plane, ivec2(x, clamp(i, 0, last)), 0).xy);\n"
    "    sum += weight;\n"
    "  }\n"
    "  return value / sum * (2.0 / 65535.0) - 0.5;\n"
    "}\n"
    /* SMPTE ST 2084, equation 4.1: of white at 203 cd/m². */
    "vec3 light_of_pq(vec3 c) {\n"
    "  vec3 p = pow(c, vec3(1.0 / 78.84375));\n"
    "  return pow(max(p - 0.8359375, 0.0) / (18.8515625 - 18.6875 * p), vec3(1.0 / 0.1593017578125)) * (10000.0 / 203.0);\n"
    "}\n"
    /* ITU-R BT.2100, table 5: the scene's light, and a display of 1000 cd/m² with its gamma of 1.2, which zimg applies to each
       component rather than to the luminance: a picture must not change its colours with the way it is drawn. */
    "vec3 light_of_hlg(vec3 c) {\n"
    "  vec3 scene = mix(c * c / 3.0, (exp((c - 0.55991073) / 0.17883277) + 0.28466892) / 12.0, vec3(greaterThan(c, vec3(0.5))));\n"
    "  return pow(scene, vec3(1.2)) * (1000.0 / 203.0);\n"
    "}\n"
    "vec3 screen_of(vec3 light) {\n"
    "  if (wide)\n" /* ITU-R BT.2087: BT.2020's primaries to BT.709's */
    "    light = mat3(1.660491, -0.124550, -0.018151, -0.587641, 1.132900, -0.100579, -0.072850, -0.008349, 1.118730) * light;\n"
    "  float most = max(max(light.r, light.g), max(light.b, 1e-6));\n"
    "  if (most > knee.x) light *= knee.w * (most + knee.y) / (most + knee.z) / most;\n"
    "  light = clamp(light, 0.0, 1.0);\n" /* IEC 61966-2-1 */
    "  return mix(12.92 * light, 1.055 * pow(light, vec3(1.0 / 2.4)) - 0.055, vec3(greaterThan(light, vec3(0.0031308))));\n"
    "}\n"
    "void main() {\n"
    "  ivec2 place = ivec2(gl_FragCoord.xy);\n"
    "  if (turned.y != 0) place.x = size.x - 1 - place.x;\n"
    "  if (turned.z != 0) place.y = size.y - 1 - place.y;\n"
    "  if (turned.x != 0) place = place.yx;\n"
    "  float y = float(place.y) + 0.5;\n"
    "  vec3 yuv = vec3(down(plane0, place.x, y, rows.x, row_shift.x).x, down(plane1, place.x, y, rows.y, row_shift.y));\n"
    "  vec3 rgb = matrix * (yuv + offset);\n"
    "  if (transfer != 0) {\n"
    "    rgb = clamp(rgb, 0.0, 1.0);\n"
    "    rgb = screen_of(transfer == 1 ? light_of_pq(rgb) : light_of_hlg(rgb));\n"
    "  }\n"
    "  result = vec4(rgb, 1.0);\n"
    "}\n";

/* --- setting up -------------------------------------------------------------------------------------------------------------------- */

static GLuint
compile(SacPictureGL *gl, GLenum kind, const char *body, GError **error)
{
  const char *parts[] = {
    gdk_gl_context_get_use_es(gl->context)
        ? "#version 300 es\nprecision highp float;\nprecision highp int;\nprecision highp usampler2D;\n"
        : "#version 150\n",
    kind == GL_FRAGMENT_SHADER ? cubic_source : "",
    body,
  };
  GLuint shader = glCreateShader(kind);
  GLint compiled;
  glShaderSource(shader, G_N_ELEMENTS(parts), parts, NULL);
  glCompileShader(shader);
  glGetShaderiv(shader, GL_COMPILE_STATUS, &compiled);
  if (!compiled) {
    char log[1024] = "";
    glGetShaderInfoLog(shader, sizeof log, NULL, log);
    g_set_error(error, SAC_ERROR, SAC_ERROR_FAILED, "OpenGL: a shader was refused: %s", log);
    glDeleteShader(shader);
    return 0;
  }
  return shader;
}

static gboolean
build_program(SacPictureGL *gl, Program *program, const char *fragment_source, GError **error)
{
  GLuint vertex = compile(gl, GL_VERTEX_SHADER, vertex_source, error);
  GLuint fragment = vertex ? compile(gl, GL_FRAGMENT_SHADER, fragment_source, error) : 0;
  GLint linked = 0;
  if (fragment) {
    program->id = glCreateProgram();
    glAttachShader(program->id, vertex);
    glAttachShader(program->id, fragment);
    glLinkProgram(program->id);
    glGetProgramiv(program->id, GL_LINK_STATUS, &linked);
    if (!linked) {
      char log[1024] = "";
      glGetProgramInfoLog(program->id, sizeof log, NULL, log);
      g_set_error(error, SAC_ERROR, SAC_ERROR_FAILED, "OpenGL: shaders do not go together: %s", log);
    }
  }
  glDeleteShader(vertex);
  glDeleteShader(fragment);
  if (!linked) {
    return FALSE;
  }
  const struct {
    const char *name;
    GLint *place;
  } uniforms[] = {
    { "plane0", &program->planes[0] },  { "plane1", &program->planes[1] }, { "apart", &program->apart },
    { "unit", &program->unit },         { "step_", &program->step },       { "shift", &program->shift },
    { "size", &program->size },         { "rows", &program->rows },        { "row_shift", &program->row_shift },
    { "turned", &program->turned },     { "matrix", &program->matrix },    { "offset", &program->offset },
    { "transfer", &program->transfer }, { "wide", &program->wide },        { "knee", &program->knee },
  };
  for (gsize i = 0; i < G_N_ELEMENTS(uniforms); i++) {
    *uniforms[i].place = glGetUniformLocation(program->id, uniforms[i].name);
  }
  return TRUE;
}

SacPictureGL *
sac_picture_gl_new(GdkDisplay *display, GError **error)
{
  g_autoptr(GdkGLContext) context = gdk_display_create_gl_context(display, error);
  if (!context || !gdk_gl_context_realize(context, error)) {
    return NULL;
  }
  int major, minor;
  gdk_gl_context_make_current(context); /* the version is not known before */
  gdk_gl_context_get_version(context, &major, &minor);
  if (major * 10 + minor < (gdk_gl_context_get_use_es(context) ? 30 : 32)) {
    g_set_error(error, SAC_ERROR, SAC_ERROR_UNSUPPORTED, "OpenGL %d.%d is too old", major, minor);
    return NULL;
  }
  g_autoptr(SacPictureGL) gl = g_new0(SacPictureGL, 1);
  g_ref_count_init(&gl->references);
  g_queue_init(&gl->spare);
  gl->context = g_steal_pointer(&context);
  glGetIntegerv(GL_MAX_TEXTURE_SIZE, &gl->most_side);
  glGenVertexArrays(1, &gl->vertices);
  glGenFramebuffers(1, &gl->target);
  if (!build_program(gl, &gl->across, across_source, error) || !build_program(gl, &gl->down, down_source, error)) {
    return NULL;
  }
  return g_steal_pointer(&gl);
}

SacPictureGL *
sac_picture_gl_ref(SacPictureGL *gl)
{
  g_ref_count_inc(&gl->references);
  return gl;
}

/* To what was current before something was freed: that may come in the middle of GTK's own drawing. */
static void
go_back_to(GdkGLContext *context)
{
  if (context) {
    gdk_gl_context_make_current(context);
  } else {
    gdk_gl_context_clear_current();
  }
}

void
sac_picture_gl_unref(SacPictureGL *gl)
{
  if (!g_ref_count_dec(&gl->references)) {
    return;
  }
  GdkGLContext *before = gdk_gl_context_get_current();
  gdk_gl_context_make_current(gl->context);
  for (int i = 0; i < MOST_PLANES; i++) {
    glDeleteTextures(1, &gl->planes[i].id);
  }
  glDeleteTextures(1, &gl->scaled[LUMA].id);
  glDeleteTextures(1, &gl->scaled[CHROMA].id);
  Texture *spare;
  while ((spare = g_queue_pop_head(&gl->spare))) {
    glDeleteTextures(1, &spare->id);
    g_free(spare);
  }
  glDeleteProgram(gl->across.id);
  glDeleteProgram(gl->down.id);
  glDeleteFramebuffers(1, &gl->target);
  glDeleteVertexArrays(1, &gl->vertices);
  go_back_to(before == gl->context ? NULL : before);
  g_object_unref(gl->context);
  g_free(gl);
}

/* --- textures ------------------------------------------------------------------------------------------------------------------------ */

/* A sized format's format and type. */
static void
transfer_format(GLenum sized, GLenum *format, GLenum *type)
{
  const gboolean deep = sized == GL_R16UI || sized == GL_RG16UI;
  *format = sized == GL_RGBA8 ? GL_RGBA : sized == GL_R8UI || sized == GL_R16UI ? GL_RED_INTEGER : GL_RG_INTEGER;
  *type = deep ? GL_UNSIGNED_SHORT : GL_UNSIGNED_BYTE;
}

/* Binds the texture, after it was made anew if it was of another kind. */
static void
prepare_texture(Texture *texture, GLenum sized, int width, int height)
{
  if (!texture->id) {
    const GLint filter = sized == GL_RGBA8 ? GL_LINEAR : GL_NEAREST;
    glGenTextures(1, &texture->id);
    glBindTexture(GL_TEXTURE_2D, texture->id);
    glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MIN_FILTER, filter);
    glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MAG_FILTER, filter);
    glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_WRAP_S, GL_CLAMP_TO_EDGE);
    glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_WRAP_T, GL_CLAMP_TO_EDGE);
  }
  glBindTexture(GL_TEXTURE_2D, texture->id);
  if (texture->format != sized || texture->width != width || texture->height != height) {
    GLenum format, type;
    transfer_format(sized, &format, &type);
    glTexImage2D(GL_TEXTURE_2D, 0, (GLint)sized, width, height, 0, format, type, NULL);
    *texture = (Texture){ texture->id, width, height, sized };
  }
}

static void
upload_plane(Texture *texture, GLenum sized, int width, int height, const guint8 *pixels, gsize stride)
{
  const gsize bytes = sized == GL_R8UI ? 1 : sized == GL_RG16UI ? 4 : 2;
  GLenum format, type;
  transfer_format(sized, &format, &type);
  prepare_texture(texture, sized, width, height);
  if (stride % bytes == 0) {
    glPixelStorei(GL_UNPACK_ROW_LENGTH, (GLint)(stride / bytes));
    glTexSubImage2D(GL_TEXTURE_2D, 0, 0, 0, width, height, format, type, pixels);
    glPixelStorei(GL_UNPACK_ROW_LENGTH, 0);
    return;
  }
  for (int y = 0; y < height; y++) {
    glTexSubImage2D(GL_TEXTURE_2D, 0, 0, y, width, 1, format, type, pixels + (gsize)y * stride);
  }
}

/* --- drawing ------------------------------------------------------------------------------------------------------------------------- */

static gboolean
has_planes(const SacFrame *frame)
{
  return frame->format != SAC_FRAME_RGB24 && frame->format != SAC_FRAME_RGBA;
}

static gboolean
is_deep(const SacFrame *frame)
{
  return frame->format == SAC_FRAME_YUV420P10 || frame->format == SAC_FRAME_P010;
}

static gboolean
is_apart(const SacFrame *frame)
{
  return frame->format == SAC_FRAME_YUV420P || frame->format == SAC_FRAME_YUV420P10;
}

static gboolean
check_errors(GError **error)
{
  const GLenum first = glGetError();
  if (first == GL_NO_ERROR) {
    return TRUE;
  }
  /* A context that is lost says so for ever. */
  for (int i = 0; i < 16 && glGetError() != GL_NO_ERROR; i++) {
  }
  g_set_error(error, SAC_ERROR, SAC_ERROR_FAILED, "OpenGL: error 0x%04x", first);
  return FALSE;
}

gboolean
sac_picture_gl_set_frame(SacPictureGL *gl, const SacFrame *frame, GError **error)
{
  g_return_val_if_fail(has_planes(frame), FALSE);
  if (MAX(frame->width, frame->height) > gl->most_side) {
    g_set_error(error, SAC_ERROR, SAC_ERROR_UNSUPPORTED, "OpenGL: a picture of %d × %d is too large", frame->width,
                frame->height);
    return FALSE;
  }
  const gboolean deep = is_deep(frame), apart = is_apart(frame);
  const int width = (frame->width + 1) / 2, height = (frame->height + 1) / 2;
  const GLenum one = deep ? GL_R16UI : GL_R8UI, two = deep ? GL_RG16UI : GL_RG8UI;
  gdk_gl_context_make_current(gl->context);
  glPixelStorei(GL_UNPACK_ALIGNMENT, 1);
  upload_plane(&gl->planes[0], one, frame->width, frame->height, frame->pixels, frame->stride);
  for (int i = 0; i < (apart ? 2 : 1); i++) {
    upload_plane(&gl->planes[i + 1], apart ? one : two, width, height, frame->chroma[i], frame->chroma_stride[i]);
  }
  gl->frame = *frame;
  return check_errors(error);
}

static void
bind(GLint place, int unit, const Texture *texture)
{
  glActiveTexture((GLenum)(GL_TEXTURE0 + unit));
  glBindTexture(GL_TEXTURE_2D, texture->id);
  glUniform1i(place, unit);
}

static void
draw_on(const Texture *texture)
{
  glFramebufferTexture2D(GL_FRAMEBUFFER, GL_COLOR_ATTACHMENT0, GL_TEXTURE_2D, texture->id, 0);
  glViewport(0, 0, texture->width, texture->height);
  glDrawArrays(GL_TRIANGLES, 0, 3);
}

/* step: from one pixel of the result to the next, in the plane's pixels; shift: where the first one's left edge is, from the first
   pixel's middle. */
static void
scale_across(SacPictureGL *gl, const SacFrame *frame, int which, int width)
{
  const Program *program = &gl->across;
  const Texture *plane = &gl->planes[which == LUMA ? 0 : 1];
  const gboolean apart = which == CHROMA && is_apart(frame);
  const float step = (float)frame->width / (float)width;
  glActiveTexture(GL_TEXTURE0);
  prepare_texture(&gl->scaled[which], which == LUMA ? GL_R16UI : GL_RG16UI, width, plane->height);
  glUseProgram(program->id);
  bind(program->planes[0], 0, plane);
  bind(program->planes[1], 1, apart ? &gl->planes[2] : plane);
  glUniform1i(program->apart, apart);
  glUniform1f(program->unit, frame->format == SAC_FRAME_P010        ? 1.0f / (1023 * 64)
                             : frame->format == SAC_FRAME_YUV420P10 ? 1.0f / 1023
                                                                    : 1.0f / 255);
  glUniform1f(program->step, which == LUMA ? step : step / 2);
  glUniform1f(program->shift, which == LUMA || frame->chroma_centred ? -0.5f : -0.25f);
  draw_on(&gl->scaled[which]);
}

/* ITU-R BT.601, BT.709 and BT.2020: Y' = kr R' + kg G' + kb B', C'b = (B' - Y') / 2 (1 - kb), C'r = (R' - Y') / 2 (1 - kr). */
static void
set_colours(const Program *program, const SacFrame *frame)
{
  static const double kr_of[] = {
    [SAC_MATRIX_BT601] = 0.299, [SAC_MATRIX_BT709] = 0.2126, [SAC_MATRIX_BT2020] = 0.2627
  };
  static const double kb_of[] = {
    [SAC_MATRIX_BT601] = 0.114, [SAC_MATRIX_BT709] = 0.0722, [SAC_MATRIX_BT2020] = 0.0593
  };
  const double kr = kr_of[frame->matrix], kb = kb_of[frame->matrix], kg = 1 - kr - kb;
  /* Of the range of 8 or 10 bits. */
  const double most = is_deep(frame) ? 1023 : 255, unit = is_deep(frame) ? 4 : 1;
  const double luma = frame->full_range ? 1 : most / (219 * unit), chroma = frame->full_range ? 1 : most / (224 * unit);
  const double red = 2 * (1 - kr) * chroma, blue = 2 * (1 - kb) * chroma;
  const float y = (float)luma;
  const float matrix[9] = { y, y, y, 0, (float)(-blue * kb / kg), (float)blue, (float)red, (float)(-red * kr / kg), 0 };
  const float black = frame->full_range ? 0 : (float)(-16 * unit / most), grey = (float)(-128 * unit / most);
  glUniformMatrix3fv(program->matrix, 1, GL_FALSE, matrix);
  glUniform3f(program->offset, black, grey, grey);
}

/* The curve leaves what is below the knee, and goes on from there to 1 at the peak: scale · (x + a) / (x + b). */
static void
set_light(const Program *program, const SacFrame *frame)
{
  const double peak = MAX(frame->peak / 100, 1 + 1e-6), k = KNEE;
  const double a = -k * k * (peak - 1) / (k * k - 2 * k + peak), b = (k * k - 2 * k * peak + peak) / (peak - 1);
  const double scale = (b * b + 2 * b * k + k * k) / (b - a);
  glUniform1i(program->transfer, (int)frame->transfer);
  glUniform1i(program->wide, frame->wide_primaries);
  glUniform4f(program->knee, (float)k, (float)a, (float)b, (float)scale);
}

/* width, height: turned back as the picture is stored. */
static void
scale_down(SacPictureGL *gl, const SacFrame *frame, int height, const Texture *result)
{
  const Program *program = &gl->down;
  const float step = (float)frame->height / (float)height;
  glUseProgram(program->id);
  bind(program->planes[0], 0, &gl->scaled[LUMA]);
  bind(program->planes[1], 1, &gl->scaled[CHROMA]);
  glUniform2i(program->size, result->width, result->height);
  glUniform3i(program->turned, frame->transposed, frame->flip_x, frame->flip_y);
  glUniform2f(program->rows, step, step / 2);
  glUniform2f(program->row_shift, -0.5f, frame->chroma_top ? -0.25f : -0.5f);
  set_colours(program, frame);
  set_light(program, frame);
  draw_on(result);
}

/* What a GdkTexture of the renderer's keeps. */
typedef struct {
  SacPictureGL *gl;
  Texture texture;
} Given;

static void
take_back(gpointer data)
{
  g_autofree Given *given = data;
  SacPictureGL *gl = given->gl;
  if (g_queue_get_length(&gl->spare) < MOST_SPARE) {
    g_queue_push_tail(&gl->spare, g_memdup2(&given->texture, sizeof given->texture));
  } else {
    GdkGLContext *before = gdk_gl_context_get_current();
    gdk_gl_context_make_current(gl->context);
    glDeleteTextures(1, &given->texture.id);
    go_back_to(before);
  }
  sac_picture_gl_unref(gl);
}

GdkTexture *
sac_picture_gl_draw(SacPictureGL *gl, int width, int height, GError **error)
{
  const SacFrame *frame = &gl->frame;
  g_return_val_if_fail(width > 0 && height > 0 && frame->width > 0, NULL);
  if (MAX(width, height) > gl->most_side) {
    g_set_error(error, SAC_ERROR, SAC_ERROR_UNSUPPORTED, "OpenGL: a picture of %d × %d is too large", width, height);
    return NULL;
  }
  gdk_gl_context_make_current(gl->context);
  Given *given = g_new0(Given, 1);
  g_autofree Texture *spare = g_queue_pop_head(&gl->spare);
  given->gl = sac_picture_gl_ref(gl);
  if (spare) {
    given->texture = *spare;
  }
  glActiveTexture(GL_TEXTURE0);
  prepare_texture(&given->texture, GL_RGBA8, width, height);
  glBindVertexArray(gl->vertices);
  glBindFramebuffer(GL_FRAMEBUFFER, gl->target);
  glDisable(GL_BLEND);
  glDisable(GL_DITHER);
  scale_across(gl, frame, LUMA, frame->transposed ? height : width);
  scale_across(gl, frame, CHROMA, frame->transposed ? height : width);
  scale_down(gl, frame, frame->transposed ? width : height, &given->texture);
  /* GTK's own context, which reads it, must see it begun. */
  glFlush();
  if (!check_errors(error)) {
    take_back(given);
    return NULL;
  }
  return gdk_gl_texture_new(gl->context, given->texture.id, width, height, take_back, given);
}

void
sac_picture_gl_finish(SacPictureGL *gl)
{
  gdk_gl_context_make_current(gl->context);
  glFinish();
}

double
sac_picture_gl_measure(SacPictureGL *gl)
{
  const int width = 1280, height = 720;
  const gsize pixels = (gsize)width * height;
  g_autofree guint8 *grey = g_malloc(pixels * 3 / 2);
  double best = G_MAXDOUBLE;
  memset(grey, 128, pixels * 3 / 2);
  const SacFrame frame = { .width = width,
                           .height = height,
                           .stride = (gsize)width,
                           .format = SAC_FRAME_NV12,
                           .pixels = grey,
                           .chroma = { grey + pixels },
                           .chroma_stride = { (gsize)width } };
  /* The first time also compiles, and a GPU may have been asleep. One that is slow by far is not asked again. */
  for (int i = 0; i < 4 && !(i > 0 && best > 50); i++) {
    const gint64 begin = g_get_monotonic_time();
    g_autoptr(GdkTexture) texture =
        sac_picture_gl_set_frame(gl, &frame, NULL) ? sac_picture_gl_draw(gl, width / 2, height / 2, NULL) : NULL;
    sac_picture_gl_finish(gl);
    if (texture) {
      best = MIN(best, (double)(g_get_monotonic_time() - begin) / 1000);
    }
  }
  return best;
}
