// The one C++ file: DCMTK reads the data set and decodes JPEG and JPEG-LS. Nothing C++ leaves it: no exception, no
// message.
extern "C" {
#include "base/error.h"
#include "dicom/chain.h"
#include "dicom/codestream.h"
#include "dicom/fragments.h"
#include "dicom/openjpeg_plugin.h"
#include "dicom/plugin.h"
#include "dicom/rle.h"
}

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>

#include <dcmtk/dcmdata/dcistrmb.h>
#include <dcmtk/dcmdata/dcpxitem.h>
#include <dcmtk/dcmjpeg/djdecode.h>
#include <dcmtk/dcmjpls/djdecode.h>
#include <dcmtk/oflog/oflog.h>

#include <cmath>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <new>
#include <string>
#include <vector>

// There when a leak checker is: what DCMTK registers lives as long as the process, on purpose (a thread may still be
// decoding).
extern "C" {
__attribute__((weak)) void __lsan_disable(void);
__attribute__((weak)) void __lsan_enable(void);
}

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
              "decoders deliver native words, the pixel chain reads little endian");

namespace {

// What Galen reads, so that implicit VR works the same with and without DCMTK's dictionary file on the machine.
struct Entry {
    Uint16 group, element;
    DcmEVR vr;
};

const Entry entries[] = {
    {0x0008, 0x0016, EVR_UI}, {0x0008, 0x0018, EVR_UI}, {0x0008, 0x0060, EVR_CS}, {0x0018, 0x0015, EVR_CS},
    {0x0018, 0x1164, EVR_DS}, {0x0018, 0x5101, EVR_CS}, {0x0028, 0x0002, EVR_US}, {0x0028, 0x0004, EVR_CS},
    {0x0028, 0x0006, EVR_US}, {0x0028, 0x0008, EVR_IS}, {0x0028, 0x0010, EVR_US}, {0x0028, 0x0011, EVR_US},
    {0x0028, 0x0030, EVR_DS}, {0x0028, 0x0100, EVR_US}, {0x0028, 0x0101, EVR_US}, {0x0028, 0x0102, EVR_US},
    {0x0028, 0x0103, EVR_US}, {0x0028, 0x1050, EVR_DS}, {0x0028, 0x1051, EVR_DS}, {0x0028, 0x1052, EVR_DS},
    {0x0028, 0x1053, EVR_DS}, {0x0028, 0x1056, EVR_CS}, {0x0028, 0x1101, EVR_US}, {0x0028, 0x1102, EVR_US},
    {0x0028, 0x1103, EVR_US}, {0x0028, 0x1201, EVR_OW}, {0x0028, 0x1202, EVR_OW}, {0x0028, 0x1203, EVR_OW},
    {0x0028, 0x1221, EVR_OW}, {0x0028, 0x3000, EVR_SQ}, {0x0028, 0x3002, EVR_US}, {0x0028, 0x3006, EVR_OW},
    {0x0028, 0x3010, EVR_SQ}, {0x0028, 0x9110, EVR_SQ}, {0x0028, 0x9132, EVR_SQ}, {0x0028, 0x9145, EVR_SQ},
    {0x5200, 0x9229, EVR_SQ}, {0x5200, 0x9230, EVR_SQ}, {0x7FE0, 0x0010, EVR_OW},
};

void add_missing_entries() {
    DcmDataDictionary &dictionary = dcmDataDict.wrlock();
    for (const Entry &e : entries)
        if (!dictionary.findEntry(DcmTagKey(e.group, e.element), nullptr))
            dictionary.addEntry(new DcmDictEntry(e.group, e.element, DcmVR(e.vr), "Galen", 1, DcmVariableVM, "DICOM",
                                                 OFFalse, nullptr));
    dcmDataDict.wrunlock();
}

void start() {
    OFLog::configure(OFLogger::OFF_LOG_LEVEL); // before anything that could print
    if (__lsan_disable) __lsan_disable();
    add_missing_entries();
    DJDecoderRegistration::registerCodecs(EDC_never); // samples as coded: the pixel chain converts colours
    DJLSDecoderRegistration::registerCodecs();
    if (__lsan_enable) __lsan_enable();
}

// The raw value of an element in little endian, at most `most` bytes; false when absent.
bool value_of(DcmItem *item, const DcmTagKey &tag, size_t most, std::vector<Uint8> &out) {
    DcmElement *element = nullptr;
    out.clear();
    if (!item || item->findAndGetElement(tag, element).bad() || !element) return false;
    if (element->ident() == EVR_SQ) return false;
    size_t length = element->getLengthField();
    if (length == 0 || length > most) return false;
    out.resize(length);
    return element->getPartialValue(out.data(), 0, static_cast<Uint32>(length), nullptr, EBO_LittleEndian).good();
}

bool number_of(DcmItem *item, const DcmTagKey &tag, int &out) {
    std::vector<Uint8> raw;
    if (!value_of(item, tag, 64, raw) || raw.size() < 2) return false;
    out = raw[0] | raw[1] << 8;
    return true;
}

std::string text_of(DcmItem *item, const DcmTagKey &tag) {
    std::vector<Uint8> raw;
    if (!value_of(item, tag, 1024, raw)) return "";
    std::string text;
    for (Uint8 c : raw) {
        if (c == 0 || c == '\\') break; // the first of several values
        text.push_back(c >= 32 && c < 127 ? static_cast<char>(c) : '?');
    }
    while (!text.empty() && text.back() == ' ') text.pop_back();
    size_t blank = text.find_first_not_of(' ');
    return blank == std::string::npos ? "" : text.substr(blank);
}

template <size_t N> void put(char (&to)[N], const std::string &text) {
    std::snprintf(to, N, "%s", text.c_str());
}

// The index-th number of a DS or IS value, independent of the locale.
bool decimal_of(DcmItem *item, const DcmTagKey &tag, size_t index, double &out) {
    std::vector<Uint8> raw;
    if (!value_of(item, tag, 4096, raw)) return false;
    std::string text(raw.begin(), raw.end());
    for (; index > 0; index--) {
        size_t bar = text.find('\\');
        if (bar == std::string::npos) return false;
        text.erase(0, bar + 1);
    }
    text = text.substr(0, text.find('\\'));
    OFBool good = OFFalse;
    double parsed = OFStandard::atof(text.c_str(), &good);
    if (!good || !std::isfinite(parsed)) return false;
    out = parsed;
    return true;
}

DcmItem *inner(DcmItem *item, const DcmTagKey &tag, unsigned index = 0) {
    DcmElement *element = nullptr;
    if (!item || item->findAndGetElement(tag, element).bad() || !element || element->ident() != EVR_SQ) return nullptr;
    DcmSequenceOfItems *sequence = static_cast<DcmSequenceOfItems *>(element);
    return index < sequence->card() ? sequence->getItem(index) : nullptr;
}

class Reader {
  public:
    Reader(const gal_dicom_request &request, gal_dicom_picture &picture, galen_error *err)
        : request_(request), p_(picture), err_(err) {}
    galen_status run();

  private:
    galen_status parse();
    galen_status describe();
    galen_status photometric();
    galen_status check_limits();
    galen_status frames();
    void texts();
    DcmItem *macro(const DcmTagKey &tag);
    void grey();
    void window(DcmItem *item);
    galen_status lut(DcmItem *item, const DcmTagKey &descriptor, const DcmTagKey &data, bool first_signed,
                     gal_dicom_lut &out);
    galen_status luts();
    galen_status uncompressed(DcmElement *element);
    galen_status compressed(DcmElement *element);
    galen_status fragments(DcmElement *element, std::vector<gal_fragment> &list, gal_fragment &table);
    galen_status dcmtk_frame(DcmElement *element, size_t first);
    galen_status jpeg_layout(const std::vector<Uint8> &stream, gal_codestream &header);
    galen_status match(const gal_codestream &header);
    galen_status rle(const std::vector<Uint8> &stream);
    galen_status jpeg2000(const std::vector<Uint8> &stream);
    galen_status take(size_t bytes);

    const gal_dicom_request &request_;
    gal_dicom_picture &p_;
    galen_error *err_;
    DcmDataset dataset_;
};

galen_status Reader::parse() {
    static const struct {
        gal_packing packing;
        E_TransferSyntax xfer;
    } packed[] = {{GAL_PACK_RLE, EXS_RLELossless}, {GAL_PACK_JPEG2000, EXS_JPEG2000}};
    E_TransferSyntax xfer = EXS_LittleEndianExplicit;
    const gal_syntax &syntax = *request_.syntax;
    if (!syntax.explicit_vr)
        xfer = EXS_LittleEndianImplicit;
    else if (syntax.big_endian)
        xfer = EXS_BigEndianExplicit;
    else if (syntax.packing == GAL_PACK_JPEG || syntax.packing == GAL_PACK_JPEG_LS)
        xfer = DcmXfer(syntax.uid).getXfer();
    for (const auto &known : packed)
        if (known.packing == syntax.packing) xfer = known.xfer;
    DcmInputBufferStream stream;
    stream.setBuffer(request_.dataset, static_cast<offile_off_t>(request_.size));
    stream.setEos();
    dataset_.transferInit();
    OFCondition condition = dataset_.read(stream, xfer, EGL_noChange, DCM_MaxReadLength);
    dataset_.transferEnd();
    if (condition.good()) return GALEN_OK;
    if (condition == EC_MemoryExhausted) return gal_fail_memory(err_, "the data set", request_.size);
    return gal_fail(err_, GALEN_ERR_FORMAT, "the data set cannot be read (%s): the file is damaged", condition.text());
}

void Reader::texts() {
    put(p_.info.transfer_syntax, request_.syntax->uid);
    put(p_.info.sop_class, text_of(&dataset_, DcmTagKey(0x0008, 0x0016)));
    put(p_.info.sop_instance, text_of(&dataset_, DcmTagKey(0x0008, 0x0018)));
    put(p_.info.modality, text_of(&dataset_, DcmTagKey(0x0008, 0x0060)));
    put(p_.info.body_part, text_of(&dataset_, DcmTagKey(0x0018, 0x0015)));
    put(p_.info.view, text_of(&dataset_, DcmTagKey(0x0018, 0x5101)));
    put(p_.info.photometric, text_of(&dataset_, DcmTagKey(0x0028, 0x0004)));
}

// A functional group of this frame, else of all frames; null when the file has none, as all but enhanced files do.
DcmItem *Reader::macro(const DcmTagKey &tag) {
    DcmItem *own = inner(inner(&dataset_, DcmTagKey(0x5200, 0x9230), static_cast<unsigned>(request_.frame)), tag);
    return own ? own : inner(inner(&dataset_, DcmTagKey(0x5200, 0x9229)), tag);
}

void Reader::window(DcmItem *item) {
    double center = 0, width = 0;
    if (!decimal_of(item, DcmTagKey(0x0028, 0x1050), 0, center) ||
        !decimal_of(item, DcmTagKey(0x0028, 0x1051), 0, width))
        return;
    std::string function = text_of(item, DcmTagKey(0x0028, 0x1056));
    p_.function = function == "SIGMOID"        ? GAL_VOI_SIGMOID
                  : function == "LINEAR_EXACT" ? GAL_VOI_LINEAR_EXACT
                                               : GAL_VOI_LINEAR;
    if (!gal_voi_valid(p_.function, center, width)) return;
    p_.has_window = true;
    p_.info.window_center = center;
    p_.info.window_width = width;
}

void Reader::grey() {
    DcmItem *rescale = macro(DcmTagKey(0x0028, 0x9145)), *spacing = macro(DcmTagKey(0x0028, 0x9110));
    DcmItem *voi = macro(DcmTagKey(0x0028, 0x9132));
    if (!rescale) rescale = &dataset_;
    double slope = 1, intercept = 0;
    bool any = decimal_of(rescale, DcmTagKey(0x0028, 0x1053), 0, slope);
    any = decimal_of(rescale, DcmTagKey(0x0028, 0x1052), 0, intercept) || any;
    if (slope == 0) slope = 1; // a slope of 0 would erase the picture; it is never meant
    p_.has_rescale = any;
    p_.info.rescale_slope = slope;
    p_.info.rescale_intercept = intercept;
    window(voi ? voi : &dataset_);
    DcmTagKey key(0x0028, 0x0030);
    double test = 0;
    if (!spacing) spacing = &dataset_;
    if (!decimal_of(spacing, key, 0, test))
        key = DcmTagKey(0x0018, 0x1164); // Imager Pixel Spacing of projection radiography
    for (size_t i = 0; i < 2; i++)
        if (decimal_of(spacing, key, i, test) && test > 0) p_.info.pixel_spacing[i] = test;
}

galen_status Reader::lut(DcmItem *item, const DcmTagKey &descriptor, const DcmTagKey &data, bool first_signed,
                         gal_dicom_lut &out) {
    std::vector<Uint8> head, body;
    if (!value_of(item, descriptor, 64, head) || head.size() < 6 || !value_of(item, data, 1u << 18, body))
        return GALEN_OK;
    uint32_t count = static_cast<uint32_t>(head[0] | head[1] << 8);
    int first = head[2] | head[3] << 8;
    if (count == 0) count = 65536; // PS3.3 C.7.6.3.1.5
    out.entries = count;
    out.first = first_signed && first >= 32768 ? first - 65536 : first;
    out.bits = head[4] | head[5] << 8;
    // Some files write the bits of an entry wrongly; 8 and below is packed or padded bytes, anything above 16 cannot
    // be.
    if (out.bits < 1 || out.bits > 16)
        return gal_fail(err_, GALEN_ERR_FORMAT, "lookup table (%04X,%04X) has entries of %d bits: the file is damaged",
                        data.getGroup(), data.getElement(), out.bits);
    if (out.bits < 8) out.bits = 8;
    bool packed = body.size() < 2 * static_cast<size_t>(count);
    if (packed && (out.bits > 8 || body.size() < count))
        return gal_fail(err_, GALEN_ERR_FORMAT,
                        "lookup table (%04X,%04X) has %zu bytes for %lu entries: the file is damaged", data.getGroup(),
                        data.getElement(), body.size(), static_cast<unsigned long>(count));
    out.data = static_cast<uint16_t *>(request_.alloc(count, sizeof *out.data));
    if (!out.data) return gal_fail_memory(err_, "a lookup table", count * sizeof *out.data);
    unsigned mask = (1u << out.bits) - 1;
    for (uint32_t i = 0; i < count; i++)
        out.data[i] = static_cast<uint16_t>((packed ? body[i] : body[2 * i] | body[2 * i + 1] << 8) & mask);
    return GALEN_OK;
}

galen_status Reader::luts() {
    const DcmTagKey descriptor(0x0028, 0x3002), data(0x0028, 0x3006);
    if (p_.photometric == GAL_PHOTO_PALETTE) {
        DcmElement *segmented = nullptr;
        if (dataset_.findAndGetElement(DcmTagKey(0x0028, 0x1221), segmented).good())
            return gal_fail(err_, GALEN_ERR_UNSUPPORTED,
                            "the palette is segmented (0028,1221), which Galen does not read: "
                            "expand it to a plain palette");
        for (Uint16 c = 0; c < 3; c++)
            GAL_TRY(lut(&dataset_, DcmTagKey(0x0028, 0x1101 + c), DcmTagKey(0x0028, 0x1201 + c), p_.is_signed,
                        p_.palette[c]));
        return GALEN_OK;
    }
    if (p_.photometric > GAL_PHOTO_MONOCHROME2) return GALEN_OK;
    GAL_TRY(lut(inner(&dataset_, DcmTagKey(0x0028, 0x3000)), descriptor, data, p_.is_signed, p_.modality));
    bool negative = p_.is_signed || (p_.has_rescale && p_.info.rescale_intercept < 0);
    DcmItem *voi = inner(&dataset_, DcmTagKey(0x0028, 0x3010));
    if (DcmItem *frame = macro(DcmTagKey(0x0028, 0x9132))) voi = inner(frame, DcmTagKey(0x0028, 0x3010));
    return lut(voi, descriptor, data, negative && !p_.modality.data, p_.voi);
}

galen_status Reader::photometric() {
    static const struct {
        const char *name;
        gal_photometric kind;
    } known[] = {{"MONOCHROME1", GAL_PHOTO_MONOCHROME1},
                 {"MONOCHROME2", GAL_PHOTO_MONOCHROME2},
                 {"PALETTE COLOR", GAL_PHOTO_PALETTE},
                 {"RGB", GAL_PHOTO_RGB},
                 {"YBR_FULL", GAL_PHOTO_YBR_FULL},
                 {"YBR_FULL_422", GAL_PHOTO_YBR_FULL_422},
                 {"YBR_ICT", GAL_PHOTO_RGB},
                 {"YBR_RCT", GAL_PHOTO_RGB}};
    for (const auto &k : known) {
        if (std::strcmp(p_.info.photometric, k.name) != 0) continue;
        p_.photometric = k.kind;
        bool wavelet = std::strncmp(k.name, "YBR_ICT", 7) == 0 || std::strncmp(k.name, "YBR_RCT", 7) == 0;
        if (!wavelet || request_.syntax->packing == GAL_PACK_JPEG2000) return GALEN_OK;
    }
    if (p_.info.photometric[0] == 0)
        return gal_fail(err_, GALEN_ERR_FORMAT,
                        "Photometric Interpretation (0028,0004) is missing: the file is incomplete");
    return gal_fail(err_, GALEN_ERR_UNSUPPORTED,
                    "Photometric Interpretation %s with %s is not supported: convert to RGB", p_.info.photometric,
                    request_.syntax->name);
}

galen_status Reader::frames() {
    double count = 1;
    if (!decimal_of(&dataset_, DcmTagKey(0x0028, 0x0008), 0, count) || count < 1) count = 1;
    p_.info.frames = count > 2147483647.0 ? 2147483647 : static_cast<int>(count);
    if (request_.frame < p_.info.frames) return GALEN_OK;
    return gal_fail(err_, GALEN_ERR_ARGUMENT, "frame %d asked for, but the file has %d (0 to %d)", request_.frame,
                    p_.info.frames, p_.info.frames - 1);
}

galen_status Reader::check_limits() {
    const galen_dicom_info &info = p_.info;
    if (info.rows < 1 || info.columns < 1)
        return gal_fail(err_, GALEN_ERR_FORMAT, "the picture is %d by %d pixels: the file is damaged", info.columns,
                        info.rows);
    if (info.rows > request_.limits.max_side || info.columns > request_.limits.max_side ||
        static_cast<int64_t>(info.rows) * info.columns > request_.limits.max_pixels)
        return gal_fail(err_, GALEN_ERR_LIMIT,
                        "the picture is %d by %d pixels, more than the limit of %d a side or %lld in all", info.columns,
                        info.rows, request_.limits.max_side, static_cast<long long>(request_.limits.max_pixels));
    return GALEN_OK;
}

galen_status Reader::describe() {
    static const struct {
        Uint16 element;
        const char *name;
    } needed[] = {{0x0010, "Rows"}, {0x0011, "Columns"}, {0x0100, "Bits Allocated"}};
    texts();
    int values[3] = {0, 0, 0}, sign = 0, planar = 0;
    for (int i = 0; i < 3; i++)
        if (!number_of(&dataset_, DcmTagKey(0x0028, needed[i].element), values[i]))
            return gal_fail(err_, GALEN_ERR_FORMAT, "%s (0028,%04X) is missing: the file is incomplete", needed[i].name,
                            needed[i].element);
    p_.info.rows = values[0];
    p_.info.columns = values[1];
    p_.bits_allocated = p_.bits_stored = values[2];
    p_.info.samples_per_pixel = 1;
    number_of(&dataset_, DcmTagKey(0x0028, 0x0002), p_.info.samples_per_pixel);
    number_of(&dataset_, DcmTagKey(0x0028, 0x0101), p_.bits_stored);
    p_.high_bit = p_.bits_stored - 1;
    number_of(&dataset_, DcmTagKey(0x0028, 0x0102), p_.high_bit);
    number_of(&dataset_, DcmTagKey(0x0028, 0x0103), sign);
    number_of(&dataset_, DcmTagKey(0x0028, 0x0006), planar);
    p_.is_signed = sign == 1;
    p_.planar = planar == 1;
    p_.info.bits_stored = p_.bits_stored;
    p_.info.pixel_is_signed = p_.is_signed;
    GAL_TRY(photometric());
    GAL_TRY(check_limits());
    GAL_TRY(frames());
    grey();
    return luts();
}

galen_status Reader::take(size_t bytes) {
    p_.pixels = static_cast<uint8_t *>(request_.alloc(bytes, 1));
    p_.size = bytes;
    return p_.pixels ? GALEN_OK : gal_fail_memory(err_, "the frame", bytes);
}

galen_status Reader::uncompressed(DcmElement *element) {
    int rows = p_.info.rows, columns = p_.info.columns, samples = p_.info.samples_per_pixel, bits = p_.bits_allocated;
    uint64_t have = element->getLengthField();
    if (p_.photometric == GAL_PHOTO_YBR_FULL_422) {
        uint64_t full = gal_dicom_frame_bits(rows, columns, 3, bits, false) / 8;
        if (full > 0 && have / full >= static_cast<uint64_t>(p_.info.frames))
            p_.photometric = GAL_PHOTO_YBR_FULL; // mislabelled
    }
    bool subsampled = p_.photometric == GAL_PHOTO_YBR_FULL_422;
    uint64_t frame_bits = gal_dicom_frame_bits(rows, columns, samples, bits, subsampled);
    uint64_t begin = frame_bits * static_cast<uint64_t>(request_.frame), end = begin + frame_bits;
    if (frame_bits == 0 || frame_bits > UINT64_C(1) << 40 || (end + 7) / 8 > have)
        return gal_fail(
            err_, GALEN_ERR_FORMAT,
            "frame %d ends at byte %llu of Pixel Data, which has %llu: the file was cut short or its header is wrong",
            request_.frame, static_cast<unsigned long long>((end + 7) / 8), static_cast<unsigned long long>(have));
    size_t first = static_cast<size_t>(begin / 8), size = static_cast<size_t>((end + 7) / 8) - first;
    p_.bit_offset = static_cast<unsigned>(begin % 8);
    GAL_TRY(take(size));
    if (element
            ->getPartialValue(p_.pixels, static_cast<Uint32>(first), static_cast<Uint32>(size), nullptr,
                              EBO_LittleEndian)
            .bad())
        return gal_fail(err_, GALEN_ERR_FORMAT, "Pixel Data cannot be read: the file is damaged");
    // Big endian OW is swapped by 16 bits; 32-bit samples come with the most significant word first.
    if (bits == 32 && request_.syntax->big_endian && element->getVR() == EVR_OW)
        for (size_t i = 0; i + 4 <= size; i += 4)
            for (size_t b = 0; b < 2; b++) std::swap(p_.pixels[i + b], p_.pixels[i + 2 + b]);
    return GALEN_OK;
}

galen_status Reader::fragments(DcmElement *element, std::vector<gal_fragment> &list, gal_fragment &table) {
    DcmPixelSequence *sequence = nullptr;
    DcmPixelData *pixels = static_cast<DcmPixelData *>(element);
    E_TransferSyntax xfer = EXS_Unknown;
    const DcmRepresentationParameter *parameter = nullptr;
    pixels->getOriginalRepresentationKey(xfer, parameter);
    if (pixels->getEncapsulatedRepresentation(xfer, parameter, sequence).bad() || !sequence)
        return gal_fail(err_, GALEN_ERR_FORMAT, "%s is declared but Pixel Data is not compressed: the header is wrong",
                        request_.syntax->name);
    for (unsigned long i = 0; i < sequence->card(); i++) {
        DcmPixelItem *item = nullptr;
        Uint8 *bytes = nullptr;
        if (sequence->getItem(item, i).bad() || !item) break;
        gal_fragment f = {nullptr, 0};
        if (item->getLengthField() > 0 && item->getUint8Array(bytes).good() && bytes)
            f = {bytes, item->getLengthField()};
        if (i == 0)
            table = f;
        else
            list.push_back(f);
    }
    return GALEN_OK;
}

galen_status Reader::match(const gal_codestream &header) {
    if (header.width == static_cast<uint32_t>(p_.info.columns) &&
        header.height == static_cast<uint32_t>(p_.info.rows) && header.components == p_.info.samples_per_pixel)
        return GALEN_OK;
    return gal_fail(
        err_, GALEN_ERR_FORMAT,
        "the data set says %dx%d with %d samples, its compressed frame %lux%lu with %d: one of them is damaged",
        p_.info.columns, p_.info.rows, p_.info.samples_per_pixel, static_cast<unsigned long>(header.width),
        static_cast<unsigned long>(header.height), header.components);
}

galen_status Reader::dcmtk_frame(DcmElement *element, size_t first) {
    uint64_t bits =
        gal_dicom_frame_bits(p_.info.rows, p_.info.columns, p_.info.samples_per_pixel, p_.bits_allocated, false);
    size_t size = static_cast<size_t>((bits + 7) / 8), even = size + (size & 1);
    if (bits == 0 || even > 0xFFFFFFFEu) return gal_fail(err_, GALEN_ERR_LIMIT, "the frame has more than 4 GiB");
    GAL_TRY(take(even));
    Uint32 fragment = static_cast<Uint32>(first) + 1;
    OFString model;
    OFCondition condition = element->getUncompressedFrame(&dataset_, static_cast<Uint32>(request_.frame), fragment,
                                                          p_.pixels, static_cast<Uint32>(even), model);
    if (condition.good()) return GALEN_OK;
    if (condition == EC_MemoryExhausted) return gal_fail_memory(err_, "decompressing the frame", even);
    return gal_fail(err_, GALEN_ERR_FORMAT, "frame %d cannot be decompressed from %s: it was cut short or is damaged",
                    request_.frame, request_.syntax->name);
}

// The decoder delivers bytes up to a precision of 8 and words above, whatever the data set says.
galen_status Reader::jpeg_layout(const std::vector<Uint8> &stream, gal_codestream &header) {
    GAL_TRY(gal_jpeg_header(stream.data(), stream.size(), &header, err_));
    GAL_TRY(match(header));
    if (header.precision < 2 || header.precision > 16)
        return gal_fail(err_, GALEN_ERR_FORMAT, "the compressed frame has %d bits a sample: it is damaged",
                        header.precision);
    // A DCT block of 64 samples takes a bit at least, lossless coding a bit a sample, and chroma may be subsampled by 4
    // x 4.
    uint64_t samples = static_cast<uint64_t>(header.width) * header.height * static_cast<uint64_t>(header.components);
    if (request_.syntax->packing == GAL_PACK_JPEG && samples > 8192 * static_cast<uint64_t>(stream.size()))
        return gal_fail(err_, GALEN_ERR_FORMAT,
                        "%zu bytes of JPEG cannot hold the frame: it was cut short or is damaged", stream.size());
    int allocated = header.precision <= 8 ? 8 : 16;
    if (allocated != p_.bits_allocated || header.precision <= p_.bits_stored) {
        if (p_.bits_stored > header.precision || allocated != p_.bits_allocated) p_.bits_stored = header.precision;
        p_.high_bit = p_.bits_stored - 1;
    }
    p_.bits_allocated = allocated;
    return GALEN_OK;
}

galen_status Reader::jpeg2000(const std::vector<Uint8> &stream) {
    gal_codestream header;
    GAL_TRY(gal_jpeg2000_header(stream.data(), stream.size(), &header, err_));
    GAL_TRY(match(header));
    if (header.precision > 32)
        return gal_fail(err_, GALEN_ERR_UNSUPPORTED, "the JPEG 2000 frame has %d bits a sample; Galen reads 32",
                        header.precision);
    p_.bits_allocated = header.precision <= 8 ? 8 : header.precision <= 16 ? 16 : 32;
    p_.bits_stored = header.precision;
    p_.high_bit = header.precision - 1;
    p_.is_signed = p_.is_signed || header.is_signed;
    p_.planar = false;
    // With the component transform undone the samples are RGB, whatever the label says.
    if (header.components == 3 && (header.multiple || p_.photometric == GAL_PHOTO_RGB))
        p_.photometric = GAL_PHOTO_RGB;
    else if (header.components == 3)
        p_.photometric = GAL_PHOTO_YBR_FULL;
    size_t bytes = static_cast<size_t>(p_.bits_allocated / 8);
    GAL_TRY(take(gal_dicom_pixels(&p_) * static_cast<size_t>(header.components) * bytes));
    return gal_jpeg2000_decode(stream.data(), stream.size(), &header, static_cast<int>(bytes), p_.pixels, err_);
}

galen_status Reader::rle(const std::vector<Uint8> &stream) {
    uint64_t bits =
        gal_dicom_frame_bits(p_.info.rows, p_.info.columns, p_.info.samples_per_pixel, p_.bits_allocated, false);
    if (bits == 0 || p_.bits_allocated % 8 != 0 || p_.photometric == GAL_PHOTO_YBR_FULL_422)
        return gal_fail(err_, GALEN_ERR_UNSUPPORTED, "RLE with %d bits a sample and %s is not supported",
                        p_.bits_allocated, p_.info.photometric);
    // A run of two bytes unpacks to 128 at most: a frame that cannot be whole takes no memory.
    if (bits / 8 > 64 * static_cast<uint64_t>(stream.size()))
        return gal_fail(err_, GALEN_ERR_FORMAT,
                        "%zu bytes of RLE cannot hold the frame: it was cut short or is damaged", stream.size());
    p_.planar = false;
    GAL_TRY(take(static_cast<size_t>(bits / 8)));
    return gal_rle_decode(stream.data(), stream.size(), gal_dicom_pixels(&p_), p_.info.samples_per_pixel,
                          p_.bits_allocated / 8, p_.pixels, err_);
}

galen_status Reader::compressed(DcmElement *element) {
    std::vector<gal_fragment> list;
    gal_fragment table = {nullptr, 0};
    size_t first = 0, count = 0;
    GAL_TRY(fragments(element, list, table));
    GAL_TRY(gal_dicom_frame_fragments(list.data(), list.size(), table, p_.info.frames, request_.frame, &first, &count,
                                      err_));
    std::vector<Uint8> stream;
    for (size_t i = first; i < first + count; i++)
        stream.insert(stream.end(), list[i].data, list[i].data + list[i].size);
    gal_packing packing = request_.syntax->packing;
    if (packing == GAL_PACK_JPEG2000) return jpeg2000(stream);
    gal_codestream header = {};
    if (packing == GAL_PACK_RLE) return rle(stream);
    GAL_TRY(jpeg_layout(stream, header));
    if (p_.photometric == GAL_PHOTO_YBR_FULL_422) p_.photometric = GAL_PHOTO_YBR_FULL; // decoders deliver full chroma
    if (packing == GAL_PACK_JPEG && p_.photometric >= GAL_PHOTO_RGB)
        p_.photometric =
            gal_jpeg_is_ybr(&header, p_.photometric == GAL_PHOTO_YBR_FULL) ? GAL_PHOTO_YBR_FULL : GAL_PHOTO_RGB;
    return dcmtk_frame(element, first);
}

galen_status Reader::run() {
    GAL_TRY(parse());
    GAL_TRY(describe());
    DcmElement *element = nullptr;
    if (dataset_.findAndGetElement(DCM_PixelData, element).bad() || !element || element->ident() != EVR_PixelData)
        return gal_fail(err_, GALEN_ERR_FORMAT, "Pixel Data (7FE0,0010) cannot be found: the file is damaged");
    return request_.syntax->packing == GAL_PACK_NONE ? uncompressed(element) : compressed(element);
}

galen_status read_frame(const gal_dicom_request *request, gal_dicom_picture *picture, galen_error *err) {
    static std::once_flag once;
    try {
        std::call_once(once, start);
        Reader reader(*request, *picture, err);
        return reader.run();
    } catch (const std::bad_alloc &) {
        return gal_fail_memory(err, "reading the data set", request->size);
    } catch (...) {
        return gal_fail(err, GALEN_ERR_INTERNAL, "DCMTK failed on this file in a way it should not: please report it");
    }
}

} // namespace

extern "C" {
const gal_dicom_plugin galen_dicom_plugin = {GAL_DICOM_PLUGIN_VERSION, read_frame};
}
