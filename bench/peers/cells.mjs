// What is compared: models of the zoo with random weights, at the batches of use.
export const models = [
    { name: 'resnet18_64', zoo: 'resnet18', size: 64, batches: [1, 8, 64] },
    { name: 'resnet50_224', zoo: 'resnet50', size: 224, batches: [1, 8, 32] },
    { name: 'densenet121_64', zoo: 'densenet121', size: 64, batches: [1, 8, 64] },
    { name: 'densenet121_224', zoo: 'densenet121', size: 224, batches: [1, 8, 32] },
    { name: 'efficientnet_b0_224', zoo: 'efficientnet_b0', size: 224, batches: [1, 8, 32] },
    { name: 'efficientnet_b3_300', zoo: 'efficientnet_b3', size: 300, batches: [1, 8, 32] },
    { name: 'mobilenet_v2_224', zoo: 'mobilenet_v2', size: 224, batches: [1, 8, 32] },
];
export const precisions = ['f32', 'bf16', 'f16', 'int8'];
export const full = { precisions: ['f32', 'bf16', 'int8'], threads: [1, 2], blocks: 9, seconds: 0.2 };
export const quick = { ...full, models: ['resnet18_64', 'resnet50_224', 'efficientnet_b0_224'], batches: [1, 8], threads: [2], blocks: 6, seconds: 0.1 };
export const cold = { ...full, threads: [2], blocks: 6 };
